"""Sending signals, and what is pending.

A signal is a bit in Process.pending (any thread may take it) or Task.signals (that thread only).
``signal_pending`` of a task says that it must look before user mode; it is worked out anew, under
Process.lock, whenever a bit or a mask changes.

State: RAM. Locks: TREE.lock over Process.lock, with interrupts off: a terminal sends from an
interrupt. Context: any; nothing here sleeps.
"""

from collections.abc import Iterator
from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import (
    CLD_CONTINUED,
    CLD_STOPPED,
    IGNORED_BY_DEFAULT,
    SA_NOCLDSTOP,
    SI_KERNEL,
    SI_USER,
    SIG_DFL,
    SIG_IGN,
    SIGNAL_COUNT,
    STOPS_BY_DEFAULT,
    SYNCHRONOUS,
    UNSTOPPABLE,
    Signal,
    SignalAction,
    bit,
)
from mpkernel.proc.process import (
    PROCESS_ALIVE,
    TREE,
    Process,
    SentBy,
    current_process,
    find_locked,
    processes_locked,
    slot,
    threads_locked,
)
from mpkernel.sched.task import TASK_ENDS, Task, current
from mpkernel.sched.wakeup import notice_signal

ALL_SIGNALS: Final = (1 << SIGNAL_COUNT) - 1


def action_of(process: Process, signal: int) -> SignalAction:
    """What a signal does in a process. Process.lock guards it."""
    action: SignalAction = process.actions[signal - 1]
    return action


def is_ignored(process: Process, signal: int) -> bool:
    """Whether a signal would do nothing now."""
    handler = action_of(process, signal).handler
    if handler == SIG_DFL:
        return bool(bit(signal) & IGNORED_BY_DEFAULT) or (
            bool(process.is_protected) and not bit(signal) & SYNCHRONOUS
        )
    return bool(handler == SIG_IGN)


def recompute_locked(process: Process, task: Task) -> int:
    """Set what the task is told to what is true now; return the signals the task may take."""
    process.lock.assert_held()
    ready: int = (task.signals | process.pending) & ~task.signal_mask
    wanted = ready or process.is_ending or process.is_stopped or _must_make_way(process, task)
    task.signal_pending = 1 if wanted else 0
    task.must_end = must_end(task)
    return ready


def _call_locked(task: Task) -> None:
    """Have a task look at its signals before user mode, and end its sleep if they do."""
    task.signal_pending = 1
    task.must_end = must_end(task)
    notice_signal(task)


def _must_make_way(process: Process, task: Task) -> bool:
    """Whether another thread's execve ends this one."""
    return process.exec_task not in (0, task.phys)


def set_mask(task: Task, mask: int) -> None:
    """Change the signals that the current task blocks."""
    process = Process.at(task.process)
    with process.lock.irqsave():
        task.signal_mask = mask & ALL_SIGNALS & ~UNSTOPPABLE
        recompute_locked(process, task)


def send_process(process: Process, signal: int, sender: SentBy | None = None) -> None:
    """Send a signal to a process; any thread that does not block it takes it."""
    with process.lock.irqsave():
        if not _prepare_locked(process, signal):
            return
        if not process.pending & bit(signal):
            _note_sender(process, signal, sender)
        process.pending |= bit(signal)
        if signal == Signal.SIGKILL:
            rouse_locked(process)
            process.stop_wait.wake_all()
            return
        for task in threads_locked(process):
            if not task.signal_mask & bit(signal):
                _call_locked(task)
                break


def send_task(task: Task, signal: int, sender: SentBy | None = None) -> None:
    """Send a signal to one thread."""
    process = Process.at(task.process)
    with process.lock.irqsave():
        if not _prepare_locked(process, signal):
            return
        _note_sender(process, signal, sender)
        task.signals |= bit(signal)
        if not task.signal_mask & bit(signal):
            _call_locked(task)
        if signal == Signal.SIGKILL:
            process.stop_wait.wake_all()


def _note_sender(process: Process, signal: int, sender: SentBy | None) -> None:
    place = process.sent_by[signal - 1]
    if sender is None:
        place.code, place.pid, place.value = SI_KERNEL, 0, 0
    else:
        place.code, place.pid, place.value = sender.code, sender.pid, sender.value


def _prepare_locked(process: Process, signal: int) -> bool:
    """Stop and continue act when they are sent; False if the signal then is of no more use."""
    which = bit(signal)
    if signal == Signal.SIGKILL:
        if process.is_protected:
            return False
        _continue_locked(process)
    elif signal == Signal.SIGCONT:
        _discard_locked(process, STOPS_BY_DEFAULT)
        if process.is_stopped:
            process.has_continue_news = 1
            _continue_locked(process)
    elif which & STOPS_BY_DEFAULT:
        _discard_locked(process, bit(Signal.SIGCONT))
    if not is_ignored(process, signal):
        return True
    return any(task.signal_mask & which for task in threads_locked(process))


def _discard_locked(process: Process, signals: int) -> None:
    process.pending &= ~signals
    for task in threads_locked(process):
        task.signals &= ~signals


def _continue_locked(process: Process) -> None:
    process.is_stopped = 0
    process.has_stop_news = 0
    process.stop_wait.wake_all()


def end_threads_locked(process: Process, status: int) -> None:
    """All threads of the process end with a wait status; the first to say so wins."""
    if process.is_ending:
        return
    process.end_status = status
    process.is_ending = 1
    _continue_locked(process)
    rouse_locked(process)


def rouse_locked(process: Process) -> None:
    """Have all threads look at the state of their process before user mode."""
    for task in threads_locked(process):
        _call_locked(task)


def dequeue(task: Task) -> tuple[int, SignalAction, SentBy]:
    """Take the next signal of the current task; 0 if there is none. Copies of action and sender."""
    process = Process.at(task.process)
    with process.lock.irqsave():
        ready = recompute_locked(process, task)
        signal = _first(ready)
        if not signal:
            return 0, SignalAction(), SentBy()
        which = bit(signal)
        if task.signals & which:
            task.signals &= ~which
        else:
            process.pending &= ~which
        live = action_of(process, signal)
        action = SignalAction(live.handler, live.flags, live.restorer, live.mask)
        live_sender = process.sent_by[signal - 1]
        sender = SentBy(live_sender.code, live_sender.pid, live_sender.value)
        recompute_locked(process, task)
    return signal, action, sender


def dequeue_of(task: Task, wanted: int) -> tuple[int, SentBy]:
    """Take one of some signals of the current task, blocked or not, without its action."""
    process = Process.at(task.process)
    with process.lock.irqsave():
        signal = _first((task.signals | process.pending) & wanted)
        if not signal:
            return 0, SentBy()
        if task.signals & bit(signal):
            task.signals &= ~bit(signal)
        else:
            process.pending &= ~bit(signal)
        live = process.sent_by[signal - 1]
        recompute_locked(process, task)
        return signal, SentBy(live.code, live.pid, live.value)


def _first(ready: int) -> int:
    """The signal to take first: faults of the task itself, then the lowest number."""
    chosen = ready & SYNCHRONOUS or ready
    return (chosen & -chosen).bit_length()


def must_end(task: Task) -> bool:
    """Whether the task is to die, and has not begun to: it needs nothing for which it sleeps."""
    if task.flags & TASK_ENDS:
        return False
    process = Process.at(task.process)
    pending: int = (process.pending | task.signals) & ~task.signal_mask
    return bool(
        process.is_ending
        or _must_make_way(process, task)
        or (pending and any(_is_fatal(process, signal) for signal in _signals_in(pending)))
    )


def _signals_in(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length()
        mask &= mask - 1


def _is_fatal(process: Process, signal: int) -> bool:
    """Whether a signal ends the process."""
    return signal == Signal.SIGKILL or not (
        is_ignored(process, signal)
        or action_of(process, signal).handler != SIG_DFL
        or bit(signal) & STOPS_BY_DEFAULT
    )


def begin_end(task: Task) -> None:
    """The task dies from here on: no signal ends its sleeps any more."""
    with Process.at(task.process).lock.irqsave():
        task.flags |= TASK_ENDS
        task.must_end = 0


def force_fault(signal: int, code: int, address: int) -> None:
    """The current task's own instruction raised a signal: no mask and no SIG_IGN keeps it off."""
    task = current()
    process = Process.at(task.process)
    with process.lock.irqsave():
        action = action_of(process, signal)
        if task.signal_mask & bit(signal) or action.handler == SIG_IGN:
            action.handler = SIG_DFL
            task.signal_mask &= ~bit(signal)
        _note_sender(process, signal, None)
        task.fault_code = code & 0xFFFFFFFF
        task.fault_address = address
        task.signals |= bit(signal)
        recompute_locked(process, task)


def send_to_current(signal: int) -> None:
    """Send a signal to the current thread, as a write to a closed pipe does."""
    send_task(current(), signal)


def sender_of_current(code: int = SI_USER) -> SentBy:
    """The current process as a sender."""
    return SentBy(code, current_process().pid, 0)


def kill(which: int, signal: int) -> None:
    """Send to a process, a group (0: the caller's, -n: group n) or everybody (-1).

    Raises:
        SysError: ESRCH, EINVAL.
    """
    if not 0 <= signal <= SIGNAL_COUNT:
        raise SysError(Errno.EINVAL)
    me = current_process()
    sender = sender_of_current()
    with TREE.lock.irqsave():
        if which > 0:
            found = find_locked(which)
            targets = [found] if found is not None else []
        elif which == -1:
            targets = [p for p in processes_locked() if p.pid != 1 and p.phys != me.phys]
        else:
            group = me.group if which == 0 else -which
            targets = [p for p in processes_locked() if p.group == group]
        if not targets:
            raise SysError(Errno.ESRCH)
        for process in targets:
            if signal and process.state == PROCESS_ALIVE:
                send_process(process, signal, sender)


def signal_group(group: int, signal: int) -> int:
    """Send a signal from the kernel to a process group; return how many processes got it."""
    count = 0
    with TREE.lock.irqsave():
        for process in processes_locked():
            if process.group == group and process.state == PROCESS_ALIVE:
                send_process(process, signal)
                count += 1
    return count


def kill_thread(group: int, tid: int, signal: int) -> None:
    """Send to one thread; ``group`` is its process's id, or 0 for whichever (tkill).

    Raises:
        SysError: ESRCH, EINVAL.
    """
    if not 0 <= signal <= SIGNAL_COUNT or tid <= 0:
        raise SysError(Errno.EINVAL)
    with TREE.lock.irqsave():
        addr = slot(tid).task if tid < (1 << 15) else 0
        if not addr:
            raise SysError(Errno.ESRCH)
        task = Task.at(addr)
        if group and Process.at(task.process).pid != group:
            raise SysError(Errno.ESRCH)
        if signal:
            send_task(task, signal, sender_of_current(-6))


def stop_current(signal: int) -> None:
    """Stop the current process, unless it is ending or SIGCONT came meanwhile."""
    process = current_process()
    with process.lock.irqsave():
        if process.is_ending or process.is_stopped:
            return
        process.is_stopped = 1
        process.stop_signal = signal
        process.has_stop_news = 1
        process.has_continue_news = 0
        rouse_locked(process)
    tell_parent_of_stop(process, CLD_STOPPED, signal)


def tell_parent_of_stop(process: Process, code: int, status: int) -> None:
    """Tell the parent that a child stopped or goes on."""
    with TREE.lock.irqsave():
        if not process.parent:
            return
        parent = Process.at(process.parent)
        if not action_of(parent, Signal.SIGCHLD).flags & SA_NOCLDSTOP:
            send_process(parent, Signal.SIGCHLD, SentBy(code, process.pid, status))
        parent.child_wait.wake_all()


async def wait_while_stopped(process: Process) -> None:
    """Sleep until SIGCONT or SIGKILL."""
    await process.stop_wait.wait_until(lambda: not process.is_stopped, interruptible=False)
    if process.has_continue_news and not process.is_ending:
        tell_parent_of_stop(process, CLD_CONTINUED, Signal.SIGCONT)
