"""User registers: in the core while a task is current, in RAM while it is not.

What a task owns of CpuState is two runs of bytes: general registers, rip, flags and segment bases;
and the vector and x87 state. Flags are materialized at every Exit, so copying bytes is enough.

    Task.context:  [0, USER_END) as in CpuState | [VECTOR_AT, VECTOR_END) as in CpuState

State: RAM and the core's register file. Locks: none; the task's own CPU. Context: task.
"""

import ctypes
from typing import Final

from hw.cpu.state import CpuState
from mpkernel.arch.cpu import cpu
from mpkernel.panic import panic

USER_END: Final = CpuState.offset_of("reserved_0x0c8")
VECTOR_AT: Final = CpuState.offset_of("xmm")
VECTOR_END: Final = CpuState.offset_of("reserved_0x3b8")
#: Bytes that a task keeps.
SIZE: Final = VECTOR_END


def registers() -> CpuState:
    """User registers of the task that runs here. Look again after an await."""
    core = cpu().core
    if core is None:
        panic("no core in this process")
    return core.state


def instruction_pointer() -> int:
    """Where the task that runs here goes on."""
    at: int = registers().rip
    return at


def save(save_area: int) -> None:
    """Copy the core's user registers to a host address."""
    _copy(save_area, ctypes.addressof(registers()))


def load(save_area: int) -> None:
    """Copy user registers from a host address into the core."""
    _copy(ctypes.addressof(registers()), save_area)


def _copy(target: int, source: int) -> None:
    ctypes.memmove(target, source, USER_END)
    ctypes.memmove(target + VECTOR_AT, source + VECTOR_AT, VECTOR_END - VECTOR_AT)
