"""Process: what threads share, and the tree and the table of all processes.

    alive -> zombie -> reaped        a zombie is its pid, its status and its times

A task holds a reference to its process until it has left its CPU for good; the tree holds one
until the process is reaped.

State: RAM (PROCESSES and TASKS from the slab, TREE and the pid slots in the data segment).
Locks: TREE.lock for tree, pids and ends; Process.lock for signals and threads; the tree's first.
Both with interrupts off: a terminal sends signals from an interrupt. Context: any.
"""

import ctypes
from collections.abc import Iterator
from typing import Annotated, Any, Final

from hw.spec.layout import DIRECT_MAP, Layout, atomic, fixed, guarded_by, i32, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import SIGNAL_COUNT, SignalAction
from mpkernel.arch import memory
from mpkernel.collections.list import ListNode
from mpkernel.mm import slab
from mpkernel.sched.task import Task, current
from mpkernel.sched.timer import now_ns
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.sync.refcount import Refcount
from mpkernel.sync.spinlock import Spinlock

PROCESS_ALIVE: Final = 0
PROCESS_ZOMBIE: Final = 1
PROCESS_REAPED: Final = 2

PID_MAX: Final = 32768
COMMAND_BYTES: Final = 256


@layout(size=16)
class SentBy(Layout):
    """Who sent a pending signal, and why."""

    code: i32  #: SI_*, CLD_*
    pid: u32
    value: u64  #: exit status for SIGCHLD, sigval for sigqueue


@layout()
class Process(Layout):
    """A process."""

    pid: Annotated[u32, fixed]
    started_ns: Annotated[u64, fixed]
    # the tree
    parent: Annotated[u64, guarded_by("TREE.lock")]
    parent_pid: Annotated[u32, atomic]  #: 0 for process 1
    children: Annotated[ListNode, guarded_by("TREE.lock")]
    sibling_node: Annotated[ListNode, guarded_by("TREE.lock")]
    all_node: Annotated[ListNode, guarded_by("TREE.lock")]
    group: Annotated[u32, guarded_by("TREE.lock")]
    session: Annotated[u32, guarded_by("TREE.lock")]
    state: Annotated[u32, guarded_by("TREE.lock")]  #: PROCESS_*
    exit_status: Annotated[u32, guarded_by("TREE.lock")]  #: as wait4 reports it
    exit_signal: Annotated[u32, fixed]  #: sent to the parent at the end, 0 for none
    has_run_exec: Annotated[u32, guarded_by("TREE.lock")]
    child_wait: WaitQueue  #: woken when a child ends, stops or goes on
    # resources; replaced by the process's own threads only
    address_space: u64  #: AddressSpace, 0 once it is gone
    files: u64  #: FdTable
    cwd: u64  #: Inode of the working directory, with a reference; 0 is the root
    umask: Annotated[u32, atomic]
    is_protected: Annotated[u32, atomic]  #: 1: default actions do not end it (process 1)
    is_vforked: Annotated[u32, atomic]  #: 1: the parent waits until it gives its space back
    # signals and threads
    lock: Spinlock
    threads: Annotated[ListNode, guarded_by("lock")]
    thread_count: Annotated[u32, guarded_by("lock")]
    is_ending: Annotated[u32, guarded_by("lock")]  #: 1: all threads end with end_status
    end_status: Annotated[u32, guarded_by("lock")]
    exec_task: Annotated[u64, guarded_by("lock")]  #: the thread that outlives all others
    is_stopped: Annotated[u32, guarded_by("lock")]
    stop_signal: Annotated[u32, guarded_by("lock")]
    has_stop_news: Annotated[u32, guarded_by("lock")]  #: the parent has not waited for the stop
    has_continue_news: Annotated[u32, guarded_by("lock")]
    pause_wait: WaitQueue  #: nobody wakes it: a sleep that only time or a signal ends
    stop_wait: WaitQueue  #: threads that are stopped, in vfork, or in execve until they are alone
    pending: Annotated[u64, guarded_by("lock")]  #: bit signal-1
    sent_by: Annotated[Any, SentBy * SIGNAL_COUNT]  #: guarded by lock
    actions: Annotated[Any, SignalAction * SIGNAL_COUNT]  #: guarded by lock
    # times of threads that ended, and of children that were waited for
    user_ns: Annotated[u64, guarded_by("lock")]
    system_ns: Annotated[u64, guarded_by("lock")]
    children_user_ns: Annotated[u64, guarded_by("TREE.lock")]
    children_system_ns: Annotated[u64, guarded_by("TREE.lock")]
    references: Refcount
    # for ps
    command: Annotated[Any, ctypes.c_uint8 * COMMAND_BYTES]  #: arguments, each ended by NUL
    command_size: u32


@layout(size=16)
class PidSlot(Layout):
    """Who has a process or thread id."""

    task: Annotated[u64, guarded_by("TREE.lock")]
    process: Annotated[u64, guarded_by("TREE.lock")]  #: only in the slot of the process's own id


@layout()
class ProcessTree(Layout):
    """All processes."""

    lock: Spinlock
    processes: Annotated[ListNode, guarded_by("lock")]
    count: Annotated[u32, guarded_by("lock")]
    last_pid: Annotated[u32, guarded_by("lock")]
    forks: Annotated[u64, guarded_by("lock")]  #: since boot, for /proc/stat
    init: Annotated[u64, guarded_by("lock")]  #: process 1, who adopts


TREE: Final = memory.static(ProcessTree)
_SLOTS: Final = memory.DATA.reserve(PID_MAX * PidSlot.SIZE, align=64) - DIRECT_MAP
PROCESSES: Final = slab.cache("process", Process)
TASKS: Final = slab.cache("task", Task)


def init() -> None:
    """Make the tree empty. Once, before the first process."""
    TREE.lock.init(ranks.PROCESS_TREE)
    TREE.processes.init()


def current_process() -> Process:
    """The process of the task that runs here. Never for a kernel thread."""
    addr = current().process
    assert addr, "a kernel thread has no process"
    return Process.at(addr)


def new_process(parent: Process | None) -> Process:
    """Make a process with no threads and no pid, in no tree.

    Raises:
        SysError: ENOMEM.
    """
    process = Process.at(PROCESSES.alloc())
    for queue in (process.child_wait, process.pause_wait, process.stop_wait):
        queue.init()
    process.lock.init(ranks.SIGNAL)
    process.children.init()
    process.threads.init()
    process.references.store(1)
    process.started_ns = now_ns()
    process.umask = 0o022
    if parent is not None:
        process.umask = parent.umask
        process.command_size = parent.command_size
        ctypes.memmove(process.command, parent.command, COMMAND_BYTES)
        with parent.lock.irqsave():
            ctypes.memmove(process.actions, parent.actions, SIGNAL_COUNT * SignalAction.SIZE)
    return process


def new_task(process: Process) -> Task:
    """Make a NEW task of a process, with no id, in no list.

    Raises:
        SysError: ENOMEM.
    """
    task = Task.at(TASKS.alloc())
    task.references.store(1)
    task.process = process.phys
    task.started_ns = now_ns()
    process.references.get()
    return task


def put_task(task: Task) -> None:
    """Drop a reference to a task; the last frees it and its reference to the process."""
    if task.references.put():
        process = task.process
        TASKS.free(task.phys)
        if process:
            put_process(Process.at(process))


def put_process(process: Process) -> None:
    """Drop a reference to a process."""
    if process.references.put():
        PROCESSES.free(process.phys)


def slot(pid: int) -> PidSlot:
    """The slot of an id, which must be in range."""
    return PidSlot.at(_SLOTS + pid * PidSlot.SIZE)


def allocate_pid_locked(task: Task, process: Process | None) -> int:
    """Give a free id to a task, and to its process if it is the first thread.

    Raises:
        SysError: EAGAIN, all ids are taken.
    """
    TREE.lock.assert_held()
    pid = TREE.last_pid
    for _ in range(PID_MAX):
        pid = pid + 1 if pid + 1 < PID_MAX else 1
        at = slot(pid)
        if not at.task and not at.process:
            at.task = task.phys
            at.process = process.phys if process is not None else 0
            TREE.last_pid = pid
            return pid
    raise SysError(Errno.EAGAIN)


def link_locked(process: Process, parent: Process | None) -> None:
    """Put a process into the tree, under its parent."""
    TREE.lock.assert_held()
    TREE.processes.append(process.all_node)
    TREE.count += 1
    TREE.forks += 1
    if parent is not None:
        process.parent, process.parent_pid = parent.phys, parent.pid
        process.group, process.session = parent.group, parent.session
        parent.children.append(process.sibling_node)


def unlink_locked(process: Process) -> None:
    """Take a process out of the tree and free its pid. The caller then drops the reference."""
    TREE.lock.assert_held()
    process.all_node.remove()
    if process.parent:
        process.sibling_node.remove()
    process.state = PROCESS_REAPED
    TREE.count -= 1
    at = slot(process.pid)
    at.task = at.process = 0


def attach_thread_locked(process: Process, task: Task) -> None:
    """Add a task to the threads of its process. Process.lock is held."""
    process.lock.assert_held()
    process.threads.append(task.thread_node)
    process.thread_count += 1


def threads_locked(process: Process) -> Iterator[Task]:
    """The tasks of a process. Process.lock is held."""
    return process.threads.objects(Task, "thread_node")


def processes_locked() -> Iterator[Process]:
    """All processes, zombies too. TREE.lock is held."""
    return TREE.processes.objects(Process, "all_node")


def find_locked(pid: int) -> Process | None:
    """The process with an id. TREE.lock is held."""
    addr = slot(pid).process if 0 < pid < PID_MAX else 0
    return Process.at(addr) if addr else None


def all_pids() -> list[int]:
    """Ids of all processes, zombies too, ascending."""
    with TREE.lock.irqsave():
        return sorted(process.pid for process in processes_locked())


def by_pid(pid: int) -> Process | None:
    """The process with an id, with a reference for ``put_process``; None if there is none."""
    with TREE.lock.irqsave():
        process = find_locked(pid)
        if process is not None:
            process.references.get()
    return process


def command_of(process: Process) -> bytes:
    """The arguments that the program was started with, each ended by NUL, cut to size."""
    return bytes(process.command)[: process.command_size]


def times_of(process: Process) -> tuple[int, int]:
    """CPU time of a process in nanoseconds, in user mode and in the kernel."""
    with process.lock.irqsave():
        user, system = process.user_ns, process.system_ns
        for task in threads_locked(process):
            user += task.user_ns
            system += task.system_ns
    return user, system
