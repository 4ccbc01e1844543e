"""Loads a static ELF program into the test machine, as an execve would."""

import struct
from pathlib import Path

from elftools.elf.elffile import ELFFile

from hw import ram
from hw.cpu.user_copy import copy_out
from hw.spec.memory_map import MIB
from tests.differential.guest import CR3, Guest

_FRAMES = 32 * MIB
_STACK_TOP = 0x7FFF_0000
_STACK_SIZE = 256 << 10
#: Where a program may grow.
HEAP = range(0x4000_0000, 0x4010_0000)
#: Entries of the auxiliary vector.
_HEADERS, _HEADER_SIZE, _HEADER_COUNT, _PAGE_SIZE, _ENTRY, _RANDOM = 3, 4, 5, 6, 9, 25


def load(guest: Guest, path: Path, arguments: list[str]) -> tuple[int, int, int]:
    """Map the program and a stack with its arguments; cr3, entry and stack pointer."""
    frame = _FRAMES
    with path.open("rb") as file:
        elf = ELFFile(file)
        header = elf.header
        entry: int = header.e_entry
        first_segment = next(iter(elf.iter_segments("PT_LOAD")))
        headers = (
            *(_HEADERS, first_segment["p_vaddr"] + header.e_phoff),
            *(_HEADER_SIZE, header.e_phentsize, _HEADER_COUNT, header.e_phnum),
        )
        for segment in elf.iter_segments("PT_LOAD"):
            start, data = segment["p_vaddr"], segment.data()
            first, end = start & ~0xFFF, -(-(start + segment["p_memsz"]) // 4096) * 4096
            ram.zero(frame, end - first)
            guest.map(first, frame, end - first)
            ram.write(frame + start - first, data)
            frame += end - first
    guest.map(_STACK_TOP - _STACK_SIZE, frame, _STACK_SIZE)
    ram.zero(frame, _STACK_SIZE)
    guest.map(HEAP.start, frame + _STACK_SIZE, len(HEAP))
    ram.zero(frame + _STACK_SIZE, len(HEAP))
    guest.core.set_address_space(CR3)
    strings = b"".join(a.encode() + b"\0" for a in arguments)
    text = _STACK_TOP - 4096
    places = [text + sum(len(a) + 1 for a in arguments[:k]) for k in range(len(arguments))]
    auxiliary = (*headers, _PAGE_SIZE, 4096, _ENTRY, entry, _RANDOM, text + 2048, 0, 0)
    words = (len(places), *places, 0, 0, *auxiliary)
    vector = struct.pack(f"<{len(words)}Q", *words)
    stack = (text - len(vector)) & ~15
    assert copy_out(CR3, text, strings) == len(strings)
    assert copy_out(CR3, stack, vector) == len(vector)
    return CR3, entry, stack
