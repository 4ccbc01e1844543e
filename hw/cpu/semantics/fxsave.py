"""FXSAVE and FXRSTOR: x87 and vector registers as 512 bytes.

    0    control, status (2 bytes each), tags (1 byte: bit n is Rn), 0, opcode (2 bytes)
    8    instruction pointer, 8 bytes, or 4 and a selector without REX.W
    16   data pointer, likewise
    24   MXCSR | mask of its bits
    32   ST(0) to ST(7), 16 bytes each
    160  XMM0 to XMM15
    416  not written

Spec: AMD64 APM vol. 2, 11.4.4; vol. 4, FXSAVE FXRSTOR.
State: the x87 and vector fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, store
from hw.cpu.primitives import low, u32, u64
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.sse import MXCSR_MASK, XMM, check_mxcsr, collect_mxcsr, enter_mxcsr
from hw.cpu.semantics.x87_control import (
    CONTROL_FIXED,
    CONTROL_MASK,
    probe_read,
    probe_write,
    set_register,
    set_status,
)
from hw.cpu.semantics.x87_stack import enabled, number_of, read
from hw.cpu.state import CpuState
from hw.spec.vectors import GENERAL_PROTECTION

_SIZE: Final = 512
_REGISTERS: Final = 32
_VECTORS: Final = 160
MXCSR_AT: Final = 24


def aligned_place(s: CpuState, u: MicroOp, alignment: int) -> int:
    """The area's address; #NM, or #GP where it is not aligned."""
    enabled(s)
    place = address(s, u, "m")
    if place & (alignment - 1) != 0:
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    return place


def save_x87(s: CpuState, place: int, is_wide: bool) -> None:
    """The x87 part of an area that can be written."""
    store(s, place, 64, _header(s))
    mask = (1 << 64) - 1 if is_wide else 0xFFFF_FFFF
    store(s, u64(place + 8), 64, s.fpu_instruction & mask)
    store(s, u64(place + 16), 64, s.fpu_data & mask)
    i = 0
    while i < 8:
        se, m = read(s, i)
        store(s, u64(place + _REGISTERS + i * 16), 64, m)
        store(s, u64(place + _REGISTERS + i * 16 + 8), 64, se)
        i += 1


def _header(s: CpuState) -> int:
    return s.fpu_control | s.fpu_status << 16 | s.fpu_tags << 32 | s.fpu_opcode << 48


def restore_x87(s: CpuState, place: int, is_wide: bool) -> None:
    """The x87 part of an area that can be read."""
    header = load(s, place, 64)
    s.fpu_control = (header & CONTROL_MASK) | CONTROL_FIXED
    set_status(s, header >> 16 & 0xFFFF)
    s.fpu_tags = header >> 32 & 0xFF
    s.fpu_opcode = header >> 48 & 0x7FF
    mask = (1 << 64) - 1 if is_wide else 0xFFFF_FFFF
    s.fpu_instruction = load(s, u64(place + 8), 64) & mask
    s.fpu_data = load(s, u64(place + 16), 64) & mask
    i = 0
    while i < 8:
        m = load(s, u64(place + _REGISTERS + i * 16), 64)
        se = load(s, u64(place + _REGISTERS + i * 16 + 8), 16)
        set_register(s, number_of(s, i), se, m)
        i += 1


def save_mxcsr(s: CpuState, place: int) -> None:
    """MXCSR and its mask."""
    collect_mxcsr(s)
    store(s, u64(place + MXCSR_AT), 64, u32(s.mxcsr) | MXCSR_MASK << 32)


def restore_mxcsr(s: CpuState, value: int) -> None:
    """MXCSR, which has been checked."""
    s.mxcsr = value
    enter_mxcsr(s)


def save_vectors(s: CpuState, place: int) -> None:
    """XMM0 to XMM15."""
    at = 0
    while at < 256:
        store(s, u64(place + _VECTORS + at), 64, get(s, XMM + at, 64))
        at += 8


def restore_vectors(s: CpuState, place: int) -> None:
    """XMM0 to XMM15."""
    at = 0
    while at < 256:
        put(s, XMM + at, 64, load(s, u64(place + _VECTORS + at), 64))
        at += 8


def fxsave(s: CpuState, u: MicroOp, is_wide: bool) -> None:
    """FXSAVE, FXSAVE64."""
    place = aligned_place(s, u, 16)
    probe_write(s, place, _SIZE)
    save_x87(s, place, is_wide)
    save_mxcsr(s, place)
    save_vectors(s, place)


def fxrstor(s: CpuState, u: MicroOp, is_wide: bool) -> None:
    """FXRSTOR, FXRSTOR64; a reserved bit of MXCSR is #GP."""
    place = aligned_place(s, u, 16)
    probe_read(s, place, _SIZE)
    mxcsr = low(load(s, u64(place + MXCSR_AT), 32), 32)
    check_mxcsr(s, mxcsr)
    restore_x87(s, place, is_wide)
    restore_mxcsr(s, mxcsr)
    restore_vectors(s, place)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for is_wide, suffix in ((False, ""), (True, "64")):
        yield Handler(f"fxsave{suffix}", fxsave, (is_wide,))
        yield Handler(f"fxrstor{suffix}", fxrstor, (is_wide,))
