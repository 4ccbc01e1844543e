"""At the border to user mode: a task takes its signals.

Called with ``signal_pending`` set. In turn: the process ends, or stops; each signal that is not
blocked does what its action says; a call that was cut short is begun again, if no handler forbids.

State: RAM, the current task's registers. Locks: Process.lock, not across an await.
Context: task; may sleep.
"""

from mpkernel.abi.errno import SysError
from mpkernel.abi.numbers import RESTART_SYSCALL
from mpkernel.abi.signal import (
    IGNORED_BY_DEFAULT,
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SEGV_MAPERR,
    SIG_DFL,
    SIG_IGN,
    STOPS_BY_DEFAULT,
    SYNCHRONOUS,
    Signal,
    SignalAction,
    bit,
    name_of,
)
from mpkernel.arch import system_call
from mpkernel.arch.signal_context import stack_pointer
from mpkernel.proc import exit as ending
from mpkernel.proc import signal_frame
from mpkernel.proc.process import Process, SentBy
from mpkernel.proc.signal import (
    action_of,
    dequeue,
    force_fault,
    set_mask,
    stop_current,
    wait_while_stopped,
)
from mpkernel.sched.task import (
    RESTART_CALL,
    RESTART_NONE,
    RESTART_SLEEP,
    TASK_RESTORES_MASK,
    Task,
    current,
)
from mpkernel.trace import log


async def return_to_user() -> None:
    """Deliver what is pending for the current task.

    Raises:
        TaskExit: the task ended.
    """
    task = current()
    if not task.process:
        task.signal_pending = 0
        return
    process = Process.at(task.process)
    while task.signal_pending:
        if process.is_ending:
            await ending.exit_thread(process.end_status)
        if process.exec_task not in (0, task.phys):
            await ending.exit_thread(0)
        if process.is_stopped:
            await wait_while_stopped(process)
            continue
        signal, action, sender = dequeue(task)
        if signal and await _act(task, process, signal, action, sender):
            continue
    _restart_without_handler(task)
    if task.flags & TASK_RESTORES_MASK:
        task.flags &= ~TASK_RESTORES_MASK
        set_mask(task, task.saved_mask)


async def _act(
    task: Task, process: Process, signal: int, action: SignalAction, sender: SentBy
) -> bool:
    """Do what the action says; True when a handler is set up."""
    which = bit(signal)
    if action.handler == SIG_IGN:
        return False
    if action.handler != SIG_DFL:
        await _run_handler(task, process, signal, action, sender)
        return True
    if which & IGNORED_BY_DEFAULT:
        return False
    if process.is_protected and not which & SYNCHRONOUS:
        return False
    if which & STOPS_BY_DEFAULT:
        stop_current(signal)
        return False
    log.debug(f"process {process.pid} ends by {name_of(signal)}")
    await ending.exit_process(signal)
    return False


async def _run_handler(
    task: Task, process: Process, signal: int, action: SignalAction, sender: SentBy
) -> None:
    """Set up a handler's frame, and the mask while it runs."""
    if task.restart == RESTART_CALL and action.flags & SA_RESTART:
        system_call.repeat(task.restart_number)
    task.restart = RESTART_NONE
    mask = task.signal_mask
    if task.flags & TASK_RESTORES_MASK:
        mask = task.saved_mask
        task.flags &= ~TASK_RESTORES_MASK
    try:
        await signal_frame.push(signal, action, sender, mask)
    except SysError:
        with process.lock.irqsave():
            action_of(process, Signal.SIGSEGV).handler = SIG_DFL
        force_fault(Signal.SIGSEGV, SEGV_MAPERR, stack_pointer())
        return
    if action.flags & SA_RESETHAND:
        with process.lock.irqsave():
            action_of(process, signal).handler = SIG_DFL
    blocked = task.signal_mask | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= bit(signal)
    set_mask(task, blocked)


def _restart_without_handler(task: Task) -> None:
    """No handler runs: a call that was cut short goes on."""
    if task.restart == RESTART_NONE:
        return
    sleeps = task.restart == RESTART_SLEEP
    system_call.repeat(RESTART_SYSCALL if sleeps else task.restart_number)
    task.restart = RESTART_NONE
