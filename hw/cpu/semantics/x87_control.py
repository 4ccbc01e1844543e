"""x87: control and status words, the environment, saving and restoring all of the state.

    offset   32-bit form, 28 bytes          offset   16-bit form, 14 bytes
    0        control word                   0        control word
    4        status word                    2        status word
    8        tag word, 2 bits a register    4        tag word
    12       instruction pointer            6        instruction pointer
    16       opcode 11 bits | selector      8        selector
    20       data pointer                   10       data pointer
    24       selector                       12       selector

Selectors are stored as 0: they say nothing in 64-bit mode.

Spec: AMD64 APM vol. 2, 11.4.4; vol. 5, FLDENV FNSTENV FNSAVE FRSTOR.
State: the x87 fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import low, u32, u64
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.x87_stack import (
    BUSY,
    EXCEPTIONS,
    SUMMARY,
    X87,
    begin,
    enabled,
    number_of,
    read,
)
from hw.cpu.softfloat.number import SPECIAL, TOP, exponent_of
from hw.cpu.state import CpuState

RESET_CONTROL: Final = 0x37F
#: Bits of the control word that can be written, and the one that is always 1.
CONTROL_MASK: Final = 0x1F3F
CONTROL_FIXED: Final = 0x40
_REGISTERS_BYTES: Final = 80


def init(s: CpuState) -> None:
    """The state after FNINIT; the registers keep their values but are empty."""
    s.fpu_control = RESET_CONTROL
    s.fpu_status = 0
    s.fpu_tags = 0
    s.fpu_instruction = 0
    s.fpu_data = 0
    s.fpu_opcode = 0


def set_control(s: CpuState, value: int) -> None:
    """Write the control word; an exception may become pending or cease to be."""
    s.fpu_control = (value & CONTROL_MASK) | CONTROL_FIXED
    set_status(s, s.fpu_status)


def set_status(s: CpuState, value: int) -> None:
    """Write the status word; the summary follows from the exceptions and their masks."""
    pending = value & ~s.fpu_control & EXCEPTIONS
    summary = SUMMARY | BUSY if pending != 0 else 0
    s.fpu_status = (value & (0xFFFF & ~(SUMMARY | BUSY))) | summary


def fldcw(s: CpuState, u: MicroOp) -> None:
    """FLDCW."""
    begin(s)
    set_control(s, load(s, address(s, u, "m"), 16))


def fnstcw(s: CpuState, u: MicroOp) -> None:
    """FNSTCW."""
    enabled(s)
    store(s, address(s, u, "m"), 16, s.fpu_control)


def fnstsw(s: CpuState, u: MicroOp) -> None:
    """FNSTSW to memory."""
    enabled(s)
    store(s, address(s, u, "m"), 16, s.fpu_status)


def fnstsw_ax(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """FNSTSW AX."""
    enabled(s)
    put(s, 0, 16, s.fpu_status)


def fnclex(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """FNCLEX: forget exceptions, stack fault and summary."""
    enabled(s)
    s.fpu_status = s.fpu_status & ~(0xFF | BUSY)


def fninit(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """FNINIT."""
    enabled(s)
    init(s)


def _tag(s: CpuState, number: int) -> int:
    """Two bits that say what is in register ``number``: valid, zero, special, empty."""
    m = get(s, X87 + number * 16, 64)
    exponent = exponent_of(get(s, X87 + number * 16 + 8, 16))
    if s.fpu_tags >> number & 1 == 0:
        return 3
    if exponent == 0 and m == 0:
        return 1
    return 2 if exponent == 0 or exponent >= SPECIAL or m < TOP else 0


def tag_word(s: CpuState) -> int:
    """The tag word as the environment has it."""
    word = 0
    number = 0
    while number < 8:
        word |= _tag(s, number) << number * 2
        number += 1
    return word


def set_tag_word(s: CpuState, word: int) -> None:
    """Only empty or not counts."""
    tags = 0
    number = 0
    while number < 8:
        if word >> number * 2 & 3 != 3:
            tags |= 1 << number
        number += 1
    s.fpu_tags = tags


def _second_page(place: int, size: int) -> int:
    """First byte of an area in its second page, if it reaches there; else its first byte."""
    last = u64(place + size - 1)
    return place if (place ^ last) >> 12 == 0 else last & ~0xFFF


def probe_write(s: CpuState, place: int, size: int) -> None:
    """Fault now if any of at most a page of bytes cannot be written."""
    load_for_update(s, place, 8)
    load_for_update(s, _second_page(place, size), 8)


def probe_read(s: CpuState, place: int, size: int) -> None:
    """Fault now if any of at most a page of bytes cannot be read."""
    load(s, place, 8)
    load(s, _second_page(place, size), 8)


def _environment_size(bits: int) -> int:
    return 28 if bits == 32 else 14


def _store_environment(s: CpuState, place: int, bits: int) -> None:
    step = bits // 8
    # words of 16 bits have ones above them
    ones = 0xFFFF_0000 if bits == 32 else 0
    selector = s.fpu_opcode << 16 if bits == 32 else 0
    store(s, place, bits, s.fpu_control | ones)
    store(s, u64(place + step), bits, s.fpu_status | ones)
    store(s, u64(place + 2 * step), bits, tag_word(s) | ones)
    store(s, u64(place + 3 * step), bits, low(s.fpu_instruction, bits))
    store(s, u64(place + 4 * step), bits, u32(selector))
    store(s, u64(place + 5 * step), bits, low(s.fpu_data, bits))
    store(s, u64(place + 6 * step), bits, ones)


def _load_environment(s: CpuState, place: int, bits: int) -> None:
    step = bits // 8
    s.fpu_control = (load(s, place, 16) & CONTROL_MASK) | CONTROL_FIXED
    set_status(s, load(s, u64(place + step), 16))
    set_tag_word(s, load(s, u64(place + 2 * step), 16))
    s.fpu_instruction = load(s, u64(place + 3 * step), bits)
    s.fpu_opcode = load(s, u64(place + 4 * step), bits) >> 16 & 0x7FF
    s.fpu_data = load(s, u64(place + 5 * step), bits)


def fnstenv(s: CpuState, u: MicroOp, bits: int) -> None:
    """FNSTENV; then all exceptions are masked."""
    enabled(s)
    place = address(s, u, "m")
    probe_write(s, place, _environment_size(bits))
    _store_environment(s, place, bits)
    set_control(s, s.fpu_control | EXCEPTIONS)


def fldenv(s: CpuState, u: MicroOp, bits: int) -> None:
    """FLDENV."""
    begin(s)
    place = address(s, u, "m")
    probe_read(s, place, _environment_size(bits))
    _load_environment(s, place, bits)


def _store_parts(s: CpuState, place: int, se: int, m: int) -> None:
    """A register of an area, two bytes at a time: no more alignment is asked of it."""
    part = 0
    while part < 8:
        store(s, u64(place + part), 16, low(m >> part * 8, 16))
        part += 2
    store(s, u64(place + 8), 16, se)


def _load_parts(s: CpuState, place: int) -> tuple[int, int]:
    m = 0
    part = 0
    while part < 8:
        m |= load(s, u64(place + part), 16) << part * 8
        part += 2
    return load(s, u64(place + 8), 16), m


def fnsave(s: CpuState, u: MicroOp, bits: int) -> None:
    """FNSAVE: environment, ST(0) to ST(7); then as FNINIT."""
    enabled(s)
    place = address(s, u, "m")
    size = _environment_size(bits)
    probe_write(s, place, size + _REGISTERS_BYTES)
    _store_environment(s, place, bits)
    i = 0
    while i < 8:
        se, m = read(s, i)
        _store_parts(s, u64(place + size + i * 10), se, m)
        i += 1
    init(s)


def frstor(s: CpuState, u: MicroOp, bits: int) -> None:
    """FRSTOR."""
    begin(s)
    place = address(s, u, "m")
    size = _environment_size(bits)
    probe_read(s, place, size + _REGISTERS_BYTES)
    _load_environment(s, place, bits)
    i = 0
    while i < 8:
        se, m = _load_parts(s, u64(place + size + i * 10))
        set_register(s, number_of(s, i), se, m)
        i += 1


def set_register(s: CpuState, number: int, se: int, m: int) -> None:
    """Write register R(number), whether empty or not."""
    put(s, X87 + number * 16, 64, m)
    put(s, X87 + number * 16 + 8, 64, se)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for form in (fldcw, fnstcw, fnstsw, fnstsw_ax, fnclex, fninit):
        yield Handler(form.__name__, form)
    for sized in (fnstenv, fldenv):
        yield Handler(f"{sized.__name__}_m28byte", sized, (32,))
        yield Handler(f"{sized.__name__}_m14byte", sized, (16,))
    for sized in (fnsave, frstor):
        yield Handler(f"{sized.__name__}_m108byte", sized, (32,))
        yield Handler(f"{sized.__name__}_m94byte", sized, (16,))
