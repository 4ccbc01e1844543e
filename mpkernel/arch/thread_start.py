"""The registers with which a program begins, and a child of a task.

State: RAM and the core's register file. Locks: none; the task's own CPU. Context: task.
"""

import ctypes
from typing import Final

from hw.cpu.semantics.x87_control import RESET_CONTROL
from hw.spec.registers import RFLAGS_FIXED, RFLAGS_IF
from mpkernel.arch.context import USER_END, VECTOR_AT, VECTOR_END, registers, save

#: MXCSR of a program that begins: all exceptions masked.
MXCSR_DEFAULT: Final = 0x1F80


def reset_user(entry: int, stack: int) -> None:
    """Registers of a program that begins: all clear but where it starts and its stack."""
    state = registers()
    at = ctypes.addressof(state)
    ctypes.memset(at, 0, USER_END)
    ctypes.memset(at + VECTOR_AT, 0, VECTOR_END - VECTOR_AT)
    state.rip, state.rsp = entry, stack
    state.rflags = RFLAGS_FIXED | RFLAGS_IF
    state.mxcsr = MXCSR_DEFAULT
    state.fpu_control = RESET_CONTROL


def save_child(save_area: int, *, stack: int, thread_pointer: int | None) -> None:
    """Copy the registers with which a child of the task that runs here begins.

    They are the parent's, but that the call returns 0; and the ends of a ``stack`` (0: the
    parent's) and of thread-local data (None: the parent's) may be its own.
    """
    state = registers()
    mine = state.rax, state.rsp, state.fs_base
    state.rax = 0
    state.rsp = stack or state.rsp
    if thread_pointer is not None:
        state.fs_base = thread_pointer
    save(save_area)
    state.rax, state.rsp, state.fs_base = mine
