"""The frame of a signal handler on the user's stack: made before the handler, undone after it.

The picture is in mpkernel.abi.signal.

State: user memory and the current task's registers. Locks: none. Context: task; may sleep.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import (
    SA_ONSTACK,
    SA_RESTORER,
    SI_USER,
    SS_DISABLE,
    SS_ONSTACK,
    SYNCHRONOUS,
    FloatState,
    Signal,
    SignalAction,
    SignalFrame,
    bit,
)
from mpkernel.arch import float_state, signal_context
from mpkernel.arch.signal_context import stack_pointer
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.proc.process import SentBy
from mpkernel.proc.signal import set_mask
from mpkernel.sched.task import Task, current


def is_on_alt_stack(task: Task) -> bool:
    """Whether the current task's stack pointer is inside its alternate stack."""
    return 0 < stack_pointer() - task.alt_stack_base <= task.alt_stack_size


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
    user = frame.context
    user.uc_stack.ss_sp = task.alt_stack_base
    user.uc_stack.ss_size = task.alt_stack_size
    user.uc_stack.ss_flags = stack_flags(task)
    signal_context.save(user, float_at)
    user.registers.cr2 = task.fault_address
    user.registers.oldmask = mask
    user.uc_sigmask = mask


def stack_flags(task: Task) -> int:
    """SS_* of the current task's alternate stack."""
    if not task.alt_stack_size:
        return SS_DISABLE
    return SS_ONSTACK if is_on_alt_stack(task) else 0


async def push(signal: int, action: SignalAction, sender: SentBy, mask: int) -> None:
    """Build the frame and make the registers those of the handler's first instruction.

    ``mask`` is what rt_sigreturn goes back to.

    Raises:
        SysError: EFAULT, the stack is not there, or the action has no restorer.
    """
    if not action.flags & SA_RESTORER:
        raise SysError(Errno.EFAULT)
    task = current()
    end = signal_context.free_stack_end()
    if action.flags & SA_ONSTACK and task.alt_stack_size and not is_on_alt_stack(task):
        end = task.alt_stack_base + task.alt_stack_size
    frame_at, float_at = signal_context.places(end)
    frame = SignalFrame()
    frame.return_address = action.restorer
    _fill_info(frame, signal, sender, task)
    _fill_context(frame, task, mask, float_at)
    await copy_to_user(frame_at, bytes(frame) + bytes(float_at - frame_at - SignalFrame.SIZE)
                       + bytes(float_state.save()))  # fmt: skip
    signal_context.begin_handler(action.handler, signal, frame_at)


async def pop() -> int:
    """rt_sigreturn: back to the registers and the mask in the frame; return the result among them.

    Raises:
        SysError: EFAULT, no frame stands at the stack pointer.
    """
    at = signal_context.frame_of_return()
    frame = SignalFrame.from_buffer_copy(await copy_from_user(at, SignalFrame.SIZE))
    float_at = frame.context.registers.fpstate
    if float_at:
        data = await copy_from_user(float_at, FloatState.SIZE)
        float_state.restore(FloatState.from_buffer_copy(data))
    result = signal_context.restore(frame.context)
    task = current()
    if not frame.context.uc_stack.ss_flags & SS_DISABLE:
        task.alt_stack_base = frame.context.uc_stack.ss_sp
        task.alt_stack_size = frame.context.uc_stack.ss_size
    set_mask(task, frame.context.uc_sigmask)
    return result
