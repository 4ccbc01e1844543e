"""The end of threads and processes.

The last thread to go gives everything back, then makes the process a zombie and tells the parent;
children go to process 1. The end of process 1 is the end of the machine.

State: RAM. Locks: TREE.lock over Process.lock. Context: task; may sleep.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from mpkernel.abi.errno import SysError
from mpkernel.abi.signal import (
    CLD_EXITED,
    CLD_KILLED,
    SA_NOCLDWAIT,
    SIG_IGN,
    Signal,
)
from mpkernel.fs.inode import Inode, put_inode
from mpkernel.mm import address_space
from mpkernel.mm.user_memory import put_u32
from mpkernel.proc import fd_table, futex, robust_list
from mpkernel.proc.process import (
    PROCESS_ZOMBIE,
    TREE,
    Process,
    SentBy,
    put_process,
    put_task,
    slot,
    unlink_locked,
)
from mpkernel.proc.signal import (
    action_of,
    begin_end,
    end_threads_locked,
    rouse_locked,
    send_process,
)
from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.task import Task, current
from mpkernel.seam import Seam

#: Ends the machine with a status; filled by boot, which first lets the consoles drain.
POWER_OFF: Final[Seam[Callable[[int], Awaitable[None]]]] = Seam("power off")


def code_status(code: int) -> int:
    """Wait status of a process that exits with a code."""
    return (code & 0xFF) << 8


def shell_status(status: int) -> int:
    """What a shell, or the machine, makes of a wait status: the code, or 128 + signal."""
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


async def exit_process(status: int) -> NoReturn:
    """End all threads of the current process with a wait status.

    Raises:
        TaskExit: always.
    """
    process = Process.at(current().process)
    with process.lock.irqsave():
        end_threads_locked(process, status)
    await exit_thread(status)


async def exit_thread(status: int) -> NoReturn:
    """End the current thread; the last one ends the process.

    Raises:
        TaskExit: always.
    """
    task = current()
    process = Process.at(task.process)
    begin_end(task)
    await _leave_memory(task)
    with TREE.lock.irqsave(), process.lock:
        task.thread_node.remove()
        process.thread_count -= 1
        process.user_ns += task.user_ns
        process.system_ns += task.system_ns
        at = slot(task.tid)
        at.task = 0
        is_last = process.thread_count == 0
        if task.tid == process.pid:
            process.exit_status = status
        if is_last and process.is_ending:
            process.exit_status = process.end_status
    process.stop_wait.wake_all()  # a thread may wait in execve to be the only one
    task.exit_code = status
    if is_last:
        await _end_process(process)
    raise TaskExit


def task_exited(task: Task) -> None:
    """A task has left its CPU for good: drop the scheduler's reference."""
    put_task(task)


async def _leave_memory(task: Task) -> None:
    """What a dying thread owes the other users of its memory."""
    with contextlib.suppress(SysError):
        await robust_list.release(task)
    if task.clear_tid:
        with contextlib.suppress(SysError):
            await put_u32(task.clear_tid, 0)
            await futex.wake(task.clear_tid, 1, is_shared=True)
        task.clear_tid = 0
    task.address_space = 0


def release_space(process: Process) -> None:
    """Give the process's address space back, and let a parent that waits in vfork go on."""
    space = process.address_space
    process.address_space = 0
    if space:
        address_space.put(address_space.AddressSpace.at(space))
    end_vfork(process)


def end_vfork(process: Process) -> None:
    """The process no longer uses its parent's memory."""
    if process.is_vforked:
        process.is_vforked = 0
        with TREE.lock.irqsave():
            if process.parent:
                Process.at(process.parent).stop_wait.wake_all()


async def _end_process(process: Process) -> None:
    if process.pid == 1:
        await POWER_OFF.get()(shell_status(process.exit_status))
        raise TaskExit
    files, process.files = process.files, 0
    if files:
        await fd_table.put(fd_table.FdTable.at(files))
    release_space(process)
    directory, process.cwd = process.cwd, 0
    if directory:
        put_inode(Inode.at(directory))
    reaped = []
    with TREE.lock.irqsave():
        reaped += _give_children_away_locked(process)
        process.state = PROCESS_ZOMBIE
        if _tell_parent_locked(process):
            unlink_locked(process)
            reaped.append(process)
    for dead in reaped:
        put_process(dead)


def _give_children_away_locked(process: Process) -> list[Process]:
    """Process 1 adopts the children; return those that nobody will wait for."""
    init = Process.at(TREE.init)
    reaped = []
    for child in process.children.objects(Process, "sibling_node"):
        child.sibling_node.remove()
        child.parent, child.parent_pid = init.phys, init.pid
        child.exit_signal = Signal.SIGCHLD
        init.children.append(child.sibling_node)
        if child.state == PROCESS_ZOMBIE and _tell_parent_locked(child):
            unlink_locked(child)
            reaped.append(child)
    return reaped


def _tell_parent_locked(process: Process) -> bool:
    """Signal the parent that its child ended; True if it will not wait: nobody keeps the zombie."""
    parent = Process.at(process.parent)
    signal = process.exit_signal
    status = process.exit_status
    is_unwanted = False
    with parent.lock:
        action = action_of(parent, Signal.SIGCHLD)
        if signal == Signal.SIGCHLD:
            is_unwanted = action.handler == SIG_IGN or bool(action.flags & SA_NOCLDWAIT)
    if signal:
        code = CLD_KILLED if status & 0x7F else CLD_EXITED
        value = status & 0x7F or status >> 8
        send_process(parent, signal, SentBy(code, process.pid, value))
    parent.child_wait.wake_all()
    return is_unwanted


async def end_other_threads(task: Task) -> None:
    """Be the only thread of the current process: execve.

    Raises:
        Interrupted: the process ends meanwhile.
    """
    process = Process.at(task.process)
    with process.lock.irqsave():
        process.exec_task = task.phys
        rouse_locked(process)
    process.stop_wait.wake_all()
    try:
        await process.stop_wait.wait_until(
            lambda: process.thread_count == 1 or process.is_ending, interruptible=False
        )
    finally:
        process.exec_task = 0
    if process.is_ending:
        await exit_thread(process.end_status)
