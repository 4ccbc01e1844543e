"""The frame of a signal handler on the user's stack: made before the handler, undone after it.

The picture is in mpkernel.abi.signal.

State: user memory and the current task's registers. Locks: none. Context: task; may sleep.
"""

import ctypes
from typing import Final

from hw.spec.registers import RFLAGS_FIXED, RFLAGS_IF
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import (
    REGISTER_NAMES,
    SA_ONSTACK,
    SA_RESTORER,
    SI_USER,
    SS_DISABLE,
    SS_ONSTACK,
    SYNCHRONOUS,
    UC_SIGCONTEXT_SS,
    UC_STRICT_RESTORE_SS,
    FloatState,
    Signal,
    SignalAction,
    SignalFrame,
    bit,
)
from mpkernel.arch import context, float_state
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.proc.process import SentBy
from mpkernel.proc.signal import set_mask
from mpkernel.sched.task import Task, current

RED_ZONE: Final = 128
USER_CODE_SELECTOR: Final = 0x33
USER_DATA_SELECTOR: Final = 0x2B
#: Flags that rt_sigreturn may set: CF PF AF ZF SF TF DF OF RF AC.
RESTORED_FLAGS: Final = 0x50DD5
CLEARED_FLAGS: Final = 0x10500  #: TF, DF and RF are clear in a handler


def is_on_alt_stack(task: Task, rsp: int) -> bool:
    """Whether a stack pointer is inside the task's alternate stack."""
    return 0 < rsp - task.alt_stack_base <= task.alt_stack_size


def _fill_info(frame: SignalFrame, signal: int, sender: SentBy, task: Task) -> None:
    info = frame.info
    info.si_signo = signal
    if bit(signal) & SYNCHRONOUS and sender.code > SI_USER:
        info.si_code = task.fault_code
        info.fields[0] = task.fault_address & 0xFFFFFFFF
        info.fields[1] = task.fault_address >> 32
        return
    info.si_code = sender.code
    info.fields[0] = sender.pid
    info.fields[2] = sender.value & 0xFFFFFFFF
    if signal != Signal.SIGCHLD:
        info.fields[3] = sender.value >> 32


def _fill_context(frame: SignalFrame, task: Task, mask: int, float_at: int) -> None:
    state = context.registers()
    user = frame.context
    user.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
    user.uc_stack.ss_sp = task.alt_stack_base
    user.uc_stack.ss_size = task.alt_stack_size
    user.uc_stack.ss_flags = _stack_flags(task, state.rsp)
    registers = user.registers
    for name in REGISTER_NAMES:
        setattr(registers, name, getattr(state, name))
    registers.rflags = state.rflags
    registers.cs, registers.ss = USER_CODE_SELECTOR, USER_DATA_SELECTOR
    registers.cr2 = task.fault_address
    registers.oldmask = mask
    registers.fpstate = float_at
    user.uc_sigmask = mask


def _stack_flags(task: Task, rsp: int) -> int:
    if not task.alt_stack_size:
        return SS_DISABLE
    return SS_ONSTACK if is_on_alt_stack(task, rsp) else 0


async def push(signal: int, action: SignalAction, sender: SentBy, mask: int) -> None:
    """Build the frame and make the registers those of the handler's first instruction.

    ``mask`` is what rt_sigreturn goes back to.

    Raises:
        SysError: EFAULT, the stack is not there, or the action has no restorer.
    """
    if not action.flags & SA_RESTORER:
        raise SysError(Errno.EFAULT)
    task = current()
    rsp = context.registers().rsp - RED_ZONE
    if action.flags & SA_ONSTACK and task.alt_stack_size:
        on_stack = is_on_alt_stack(task, context.registers().rsp)
        rsp = rsp if on_stack else task.alt_stack_base + task.alt_stack_size
    float_at = (rsp - FloatState.SIZE) & ~63
    frame_at = ((float_at - SignalFrame.SIZE) & ~15) - 8
    frame = SignalFrame()
    frame.return_address = action.restorer
    _fill_info(frame, signal, sender, task)
    _fill_context(frame, task, mask, float_at)
    await copy_to_user(frame_at, bytes(frame) + bytes(float_at - frame_at - SignalFrame.SIZE)
                       + bytes(float_state.save()))  # fmt: skip
    state = context.registers()
    state.rdi, state.rsi = signal, frame_at + SignalFrame.info.offset
    state.rdx, state.rax = frame_at + SignalFrame.context.offset, 0
    state.rip, state.rsp = action.handler, frame_at
    state.rflags = state.rflags & ~CLEARED_FLAGS
    float_state.reset()


async def pop() -> int:
    """rt_sigreturn: back to the registers and the mask in the frame; return its rax.

    Raises:
        SysError: EFAULT, no frame stands at the stack pointer.
    """
    at = context.registers().rsp - 8
    frame = SignalFrame.from_buffer_copy(await copy_from_user(at, SignalFrame.SIZE))
    saved = frame.context.registers
    if saved.fpstate:
        data = await copy_from_user(saved.fpstate, FloatState.SIZE)
        float_state.restore(FloatState.from_buffer_copy(data))
    state = context.registers()
    for name in REGISTER_NAMES:
        setattr(state, name, getattr(saved, name))
    kept = state.rflags & ~RESTORED_FLAGS
    state.rflags = kept | saved.rflags & RESTORED_FLAGS | RFLAGS_FIXED | RFLAGS_IF
    task = current()
    if not frame.context.uc_stack.ss_flags & SS_DISABLE:
        task.alt_stack_base = frame.context.uc_stack.ss_sp
        task.alt_stack_size = frame.context.uc_stack.ss_size
    set_mask(task, frame.context.uc_sigmask)
    result: int = ctypes.c_int64(saved.rax).value
    return result
