"""Registers and signal handlers: what a frame keeps of them, and those a handler begins with.

The picture of a frame is in mpkernel.abi.signal.

Spec: System V ABI, AMD64 supplement, 3.2.2 (red zone). State: the core's register file.
Locks: none; the task's own CPU. Context: task.
"""

import ctypes
from typing import Final

from hw.spec.registers import RFLAGS_FIXED, RFLAGS_IF
from mpkernel.abi.signal import (
    REGISTER_NAMES,
    UC_SIGCONTEXT_SS,
    UC_STRICT_RESTORE_SS,
    FloatState,
    SignalFrame,
    UserContext,
)
from mpkernel.arch import float_state
from mpkernel.arch.context import registers

#: Bytes below the stack pointer that a function may use without moving it.
_RED_ZONE: Final = 128
_USER_CODE_SELECTOR: Final = 0x33
_USER_DATA_SELECTOR: Final = 0x2B
#: Flags that rt_sigreturn may set: CF PF AF ZF SF TF DF OF RF AC.
_RESTORED_FLAGS: Final = 0x50DD5
_CLEARED_FLAGS: Final = 0x10500  #: TF, DF and RF are clear in a handler


def stack_pointer() -> int:
    """Where the stack of the task that runs here ends."""
    at: int = registers().rsp
    return at


def free_stack_end() -> int:
    """End of what the task's stack has free."""
    return stack_pointer() - _RED_ZONE


def places(end: int) -> tuple[int, int]:
    """Addresses of a frame, and of its FloatState behind it, on a stack that is free to ``end``."""
    float_at = (end - FloatState.SIZE) & ~63
    return ((float_at - SignalFrame.SIZE) & ~15) - 8, float_at


def save(user: UserContext, float_at: int) -> None:
    """Put the registers into a frame's context."""
    state = registers()
    user.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
    saved = user.registers
    for name in REGISTER_NAMES:
        setattr(saved, name, getattr(state, name))
    saved.rflags = state.rflags
    saved.cs, saved.ss = _USER_CODE_SELECTOR, _USER_DATA_SELECTOR
    saved.fpstate = float_at


def begin_handler(handler: int, signal: int, frame_at: int) -> None:
    """Make the registers those of a handler's first instruction, above its frame."""
    state = registers()
    state.rdi, state.rsi = signal, frame_at + SignalFrame.info.offset
    state.rdx, state.rax = frame_at + SignalFrame.context.offset, 0
    state.rip, state.rsp = handler, frame_at
    state.rflags = state.rflags & ~_CLEARED_FLAGS
    float_state.reset()


def frame_of_return() -> int:
    """Address of the frame from which rt_sigreturn, just called, goes back."""
    return stack_pointer() - 8


def restore(user: UserContext) -> int:
    """Back to the registers of a frame's context, privileged flags apart; the result among them."""
    state, saved = registers(), user.registers
    for name in REGISTER_NAMES:
        setattr(state, name, getattr(saved, name))
    kept = state.rflags & ~_RESTORED_FLAGS
    state.rflags = kept | saved.rflags & _RESTORED_FLAGS | RFLAGS_FIXED | RFLAGS_IF
    result: int = ctypes.c_int64(saved.rax).value
    return result
