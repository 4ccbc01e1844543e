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


def load(guest: Guest, path: Path, arguments: list[str]) -> tuple[int, int, int]:
    """Map the program and a stack with its arguments; cr3, entry and stack pointer."""
    frame = _FRAMES
    with path.open("rb") as file:
        elf = ELFFile(file)
        entry: int = elf.header.e_entry
        for segment in elf.iter_segments("PT_LOAD"):
            start, data = segment["p_vaddr"], segment.data()
            first, end = start & ~0xFFF, -(-(start + segment["p_memsz"]) // 4096) * 4096
            ram.zero(frame, end - first)
            guest.map(first, frame, end - first)
            ram.write(frame + start - first, data)
            frame += end - first
    guest.map(_STACK_TOP - _STACK_SIZE, frame, _STACK_SIZE)
    ram.zero(frame, _STACK_SIZE)
    guest.core.set_address_space(CR3)
    strings = b"".join(a.encode() + b"\0" for a in arguments)
    text = _STACK_TOP - 4096
    places = [text + sum(len(a) + 1 for a in arguments[:k]) for k in range(len(arguments))]
    vector = struct.pack(f"<{len(places) + 3}Q", len(places), *places, 0, 0)
    stack = (text - len(vector)) & ~15
    assert copy_out(CR3, text, strings) == len(strings)
    assert copy_out(CR3, stack, vector) == len(vector)
    return CR3, entry, stack
