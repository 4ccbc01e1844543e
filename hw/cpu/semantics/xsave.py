"""XSAVE and its like for x87 and vector registers, XGETBV, XSETBV.

The area is that of FXSAVE with a header of 64 bytes behind it, whose first word says which parts
were in use. This core always says that they were; XSAVEOPT is XSAVE.

Spec: AMD64 APM vol. 2, 11.5; vol. 4, XSAVE XSAVEOPT XRSTOR XGETBV XSETBV.
State: xcr0, the x87 and vector fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.exits import EXIT_ILLEGAL
from hw.cpu.memory_primitives import put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, store
from hw.cpu.primitives import u32, u64
from hw.cpu.semantics.fxsave import (
    MXCSR_AT,
    aligned_place,
    restore_mxcsr,
    restore_vectors,
    restore_x87,
    save_mxcsr,
    save_vectors,
    save_x87,
)
from hw.cpu.semantics.handler import Handler
from hw.cpu.semantics.sse import XMM, check_mxcsr
from hw.cpu.semantics.x87_control import init, probe_read, probe_write, set_register
from hw.cpu.state import CpuState
from hw.spec.registers import CR4_OSXSAVE, XCR0_SSE, XCR0_X87
from hw.spec.vectors import GENERAL_PROTECTION

#: Bytes of the whole area: 512 as FXSAVE, 64 of header.
AREA_SIZE: Final = 576
_HEADER: Final = 512
_ALIGNMENT: Final = 64


def switched_on(s: CpuState) -> None:
    """#UD unless the operating system has said that it knows XSAVE."""
    if s.cr4 & CR4_OSXSAVE == 0:
        s.fault = 1
        s.exit_reason = EXIT_ILLEGAL
        leave_fault()


def _protect(s: CpuState) -> None:
    exception(s, GENERAL_PROTECTION, 0)
    leave_fault()


def _chosen(s: CpuState) -> int:
    """The parts that edx:eax asks for and XCR0 has."""
    return u32(s.rax) & s.xcr0


def xsave(s: CpuState, u: MicroOp, is_wide: bool) -> None:
    """XSAVE, XSAVEOPT."""
    switched_on(s)
    place = aligned_place(s, u, _ALIGNMENT)
    probe_write(s, place, AREA_SIZE)
    chosen = _chosen(s)
    if chosen & XCR0_X87 != 0:
        save_x87(s, place, is_wide)
    if chosen & XCR0_SSE != 0:
        save_mxcsr(s, place)
        save_vectors(s, place)
    header = u64(place + _HEADER)
    store(s, header, 64, load(s, header, 64) | chosen)


def xrstor(s: CpuState, u: MicroOp, is_wide: bool) -> None:
    """XRSTOR; parts that were not in use get their initial values."""
    switched_on(s)
    place = aligned_place(s, u, _ALIGNMENT)
    probe_read(s, place, AREA_SIZE)
    chosen = _chosen(s)
    header = u64(place + _HEADER)
    present = load(s, header, 64)
    if present & ~s.xcr0 | load(s, u64(header + 8), 64) | load(s, u64(header + 16), 64) != 0:
        _protect(s)
    mxcsr = load(s, u64(place + MXCSR_AT), 32)
    if chosen & XCR0_SSE != 0:
        check_mxcsr(s, mxcsr)
    if chosen & XCR0_X87 != 0:
        if present & XCR0_X87 != 0:
            restore_x87(s, place, is_wide)
        else:
            _clear_x87(s)
    if chosen & XCR0_SSE != 0:
        restore_mxcsr(s, mxcsr)
        if present & XCR0_SSE != 0:
            restore_vectors(s, place)
        else:
            _clear_vectors(s)


def _clear_x87(s: CpuState) -> None:
    init(s)
    number = 0
    while number < 8:
        set_register(s, number, 0, 0)
        number += 1


def _clear_vectors(s: CpuState) -> None:
    at = 0
    while at < 256:
        put(s, XMM + at, 64, 0)
        at += 8


def xgetbv(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """XGETBV; there is XCR0 only."""
    switched_on(s)
    if u32(s.rcx) != 0:
        _protect(s)
    s.rax = s.xcr0
    s.rdx = 0


def xsetbv(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """XSETBV: privileged; x87 is always among what is set."""
    switched_on(s)
    value = u32(s.rax)
    unknown = value & ~(XCR0_X87 | XCR0_SSE) | u32(s.rdx) | u32(s.rcx)
    if s.cpl != 0 or unknown != 0 or value & XCR0_X87 == 0:
        _protect(s)
    s.xcr0 = value


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for is_wide, suffix in ((False, ""), (True, "64")):
        yield Handler(f"xsave{suffix}", xsave, (is_wide,))
        yield Handler(f"xsaveopt{suffix}", xsave, (is_wide,))
        yield Handler(f"xrstor{suffix}", xrstor, (is_wide,))
    yield Handler("xgetbv", xgetbv)
    yield Handler("xsetbv", xsetbv)
