"""System calls on signals.

Spec: Linux man-pages, section 2. State: none of its own. Locks: those of mpkernel.proc.
Context: task; may sleep.
"""

import ctypes
from typing import Final, NoReturn

from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.abi.signal import (
    MINSIGSTKSZ,
    SEGV_MAPERR,
    SIG_BLOCK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGNAL_COUNT,
    SS_DISABLE,
    SS_ONSTACK,
    UNSTOPPABLE,
    SigInfo,
    Signal,
    SignalAction,
    SignalStack,
    bit,
)
from mpkernel.arch import system_call
from mpkernel.arch.signal_context import stack_pointer
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, get_u64, put_u64
from mpkernel.proc import signal_frame
from mpkernel.proc.process import Process, current_process, threads_locked
from mpkernel.proc.signal import (
    action_of,
    dequeue_of,
    force_fault,
    is_ignored,
    kill_thread,
    set_mask,
)
from mpkernel.proc.signal import kill as send_by_id
from mpkernel.sched.task import RESTART_NONE, TASK_RESTORES_MASK, current
from mpkernel.sched.timer import now_ns
from mpkernel.syscall.time_arguments import read_timespec

SET_SIZE: Final = 8


def _check_size(size: int) -> None:
    if size != SET_SIZE:
        raise SysError(Errno.EINVAL)


async def kill(pid: int, signal: int) -> int:
    """Send a signal to a process or a group."""
    send_by_id(pid, signal)
    return 0


async def tkill(tid: int, signal: int) -> int:
    """Send a signal to a thread."""
    kill_thread(0, tid, signal)
    return 0


async def tgkill(group: int, tid: int, signal: int) -> int:
    """Send a signal to a thread of a process."""
    if group <= 0:
        raise SysError(Errno.EINVAL)
    kill_thread(group, tid, signal)
    return 0


async def rt_sigaction(signal: int, new: int, old: int, size: int) -> int:
    """Read or change what a signal does."""
    _check_size(size)
    if not 0 < signal <= SIGNAL_COUNT or (new and bit(signal) & UNSTOPPABLE):
        raise SysError(Errno.EINVAL)
    process = current_process()
    wanted = await copy_from_user(new, SignalAction.SIZE) if new else b""
    with process.lock.irqsave():
        action = action_of(process, signal)
        before = bytes(action)
        if wanted:
            ctypes.memmove(ctypes.addressof(action), wanted, SignalAction.SIZE)
            action.mask &= ~UNSTOPPABLE
            if is_ignored(process, signal):
                process.pending &= ~bit(signal)
                for task in threads_locked(process):
                    task.signals &= ~bit(signal)
    if old:
        await copy_to_user(old, before)
    return 0


async def rt_sigprocmask(how: int, new: int, old: int, size: int) -> int:
    """Read or change the set of blocked signals."""
    _check_size(size)
    task = current()
    before = task.signal_mask
    if new:
        wanted = await get_u64(new)
        if how == SIG_BLOCK:
            mask = before | wanted
        elif how == SIG_UNBLOCK:
            mask = before & ~wanted
        elif how == SIG_SETMASK:
            mask = wanted
        else:
            raise SysError(Errno.EINVAL)
        set_mask(task, mask)
    if old:
        await put_u64(old, before)
    return 0


async def rt_sigpending(pending: int, size: int) -> int:
    """The blocked signals that wait."""
    if size > SET_SIZE:
        raise SysError(Errno.EINVAL)
    task = current()
    process = Process.at(task.process)
    with process.lock.irqsave():
        found = (task.signals | process.pending) & task.signal_mask
    await copy_to_user(pending, found.to_bytes(8, "little")[:size])
    return 0


async def rt_sigreturn() -> int:
    """Back from a handler."""
    task = current()
    task.restart = RESTART_NONE
    try:
        return await signal_frame.pop()
    except SysError:
        force_fault(Signal.SIGSEGV, SEGV_MAPERR, stack_pointer())
        return system_call.result()


async def _sleep_for_signal() -> NoReturn:
    """Sleep until a signal is to be delivered.

    Raises:
        Interrupted: always.
    """
    await current_process().pause_wait.wait_until(lambda: False)
    raise AssertionError("a sleep without condition has ended")


async def pause() -> int:
    """Sleep until a signal is delivered."""
    await _sleep_for_signal()


async def rt_sigsuspend(mask: int, size: int) -> int:
    """Sleep with another mask until a signal is delivered."""
    _check_size(size)
    wanted = await get_u64(mask)
    task = current()
    task.saved_mask = task.signal_mask
    task.flags |= TASK_RESTORES_MASK
    set_mask(task, wanted)
    await _sleep_for_signal()


async def rt_sigtimedwait(signals: int, info: int, timeout: int, size: int) -> int:
    """Take one of some blocked signals, waiting for it."""
    _check_size(size)
    wanted = await get_u64(signals) & ~UNSTOPPABLE
    deadline = now_ns() + await read_timespec(timeout) if timeout else None
    task = current()
    process = Process.at(task.process)
    before = task.signal_mask
    set_mask(task, before & ~wanted)  # a sender then wakes this thread
    was_cut = False
    try:
        taken = dequeue_of(task, wanted)
        if not taken[0]:
            if deadline is None or deadline > now_ns():
                was_cut = await _was_cut_short(process, deadline)
            taken = dequeue_of(task, wanted)
    finally:
        set_mask(task, before)
    signal, sender = taken
    if not signal:
        raise Interrupted if was_cut else SysError(Errno.EAGAIN)
    if info:
        found = SigInfo()
        found.si_signo, found.si_code = signal, sender.code
        found.fields[0] = sender.pid
        await copy_to_user(info, bytes(found))
    return signal


async def _was_cut_short(process: Process, deadline: int | None) -> bool:
    """Sleep until any signal (True) or the deadline."""
    try:
        await process.pause_wait.wait_until(lambda: False, deadline_ns=deadline)
    except Interrupted:
        return True
    return False


async def sigaltstack(new: int, old: int) -> int:
    """Read or set the stack for handlers that ask for one."""
    task = current()
    flags = signal_frame.stack_flags(task)
    before = SignalStack()
    before.ss_sp, before.ss_size = task.alt_stack_base, task.alt_stack_size
    before.ss_flags = flags
    if new:
        if flags == SS_ONSTACK:
            raise SysError(Errno.EPERM)
        wanted = SignalStack.from_buffer_copy(await copy_from_user(new, SignalStack.SIZE))
        if wanted.ss_flags & SS_DISABLE:
            task.alt_stack_base = task.alt_stack_size = 0
        elif wanted.ss_flags & ~SS_ONSTACK:
            raise SysError(Errno.EINVAL)
        elif wanted.ss_size < MINSIGSTKSZ:
            raise SysError(Errno.ENOMEM)
        else:
            task.alt_stack_base, task.alt_stack_size = wanted.ss_sp, wanted.ss_size
    if old:
        await copy_to_user(old, bytes(before))
    return 0
