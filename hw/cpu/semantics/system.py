"""Exceptions raised by instructions, time, identification, fences.

Spec: AMD64 APM vol. 2, 8.2; vol. 3, RDTSC RDTSCP CPUID INTn UD2.
State: the machine's clock (hw.cpu.state.TSC). Context: native code, oracle.
"""

import ctypes
from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import budget_left, leave, leave_fault
from hw.cpu.exits import (
    EXIT_CPUID,
    EXIT_EXCEPTION,
    EXIT_FAMILY,
    EXIT_ILLEGAL,
    EXIT_SYSTEM,
)
from hw.cpu.memory_primitives import full_fence, host_load
from hw.cpu.micro_op import MicroOp
from hw.cpu.primitives import host_tsc, low, u32, u64
from hw.cpu.semantics.handler import Handler, position
from hw.cpu.state import TSC, CpuState
from hw.spec.registers import CR4_TSD

_TSC_START_AT: Final = ctypes.addressof(TSC)
TSC_VIRTUAL_AT: Final = _TSC_START_AT + TSC.offset_of("virtual")


def machine_tsc() -> int:
    """The machine's one time-stamp counter."""
    virtual = host_load(TSC_VIRTUAL_AT, 64)
    if virtual != 0:
        return virtual
    return u64(host_tsc() - host_load(_TSC_START_AT, 64))


def trap(s: CpuState, u: MicroOp, vector: int) -> None:
    """An exception after the instruction (INT3): rip is that of the next one."""
    if s.vectors != 0:
        leave_undone(s, u, EXIT_SYSTEM)
    s.rip = u.imm
    s.exit_reason = EXIT_EXCEPTION
    s.exit_vector = vector
    s.exit_error = 0
    leave(u64(budget_left() - position(u) - 1))


def raise_exception(s: CpuState, u: MicroOp) -> None:
    """An exception instead of the instruction: vector ``a``, error code ``imm``."""
    exception(s, u.a, u.imm)
    leave_fault()


def leave_undone(s: CpuState, u: MicroOp, reason: int) -> None:  # noqa: ARG001
    """Leave native code before the instruction, which is finished in Python or not there."""
    s.fault = 1
    s.exit_reason = reason
    leave_fault()


def rdtsc(s: CpuState, u: MicroOp) -> None:
    """Time-stamp counter to edx:eax."""
    if s.cpl != 0 and s.cr4 & CR4_TSD != 0:
        leave_undone(s, u, EXIT_SYSTEM)
    now = u64(machine_tsc() + s.tsc_offset)
    s.rax = u32(now)
    s.rdx = now >> 32


def rdtscp(s: CpuState, u: MicroOp) -> None:
    """RDTSC, and TSC_AUX to ecx."""
    rdtsc(s, u)
    s.rcx = low(s.tsc_aux, 32)


def nop(s: CpuState, u: MicroOp) -> None:
    """Nothing."""


def fence(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """MFENCE, LFENCE, SFENCE: a full barrier of the host."""
    full_fence()


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("int3", trap, (3,))
    yield Handler("raise", raise_exception)
    yield Handler("illegal", leave_undone, (EXIT_ILLEGAL,))
    yield Handler("cpuid", leave_undone, (EXIT_CPUID,))
    yield Handler("system", leave_undone, (EXIT_SYSTEM,))
    yield Handler("load_family", leave_undone, (EXIT_FAMILY,))
    for form in (rdtsc, rdtscp, nop, fence):
        yield Handler(form.__name__, form)
