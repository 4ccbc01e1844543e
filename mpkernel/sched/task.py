"""Task: what is scheduled. A thread of a process, or of the kernel.

    NEW -> READY <-> RUNNING -> SLEEPING | KILLABLE | BLOCKED -> READY      (wake)
                     RUNNING -> DEAD

A task in user mode is bytes only, so any CPU may run it. A task inside the kernel is a coroutine of
the CPU whose Python process holds it, its home: it sleeps there and is woken there.

State: RAM. Locks: the run-queue lock of ``cpu`` guards state, on_cpu and run_node.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, this_cpu, u8, u32, u64
from mpkernel.arch.cpu import cpu
from mpkernel.collections.list import ListNode
from mpkernel.sched.timer import Timer
from mpkernel.sync.refcount import Refcount

TASK_NEW: Final = 0  #: being made
TASK_READY: Final = 1  #: waits for a CPU
TASK_RUNNING: Final = 2  #: runs, in user mode or in the kernel
TASK_SLEEPING: Final = 3  #: waits for an event or a signal
TASK_KILLABLE: Final = 4  #: waits for an event; only a signal that ends the task wakes it
TASK_BLOCKED: Final = 5  #: waits for an event that comes for certain; no signal wakes it
TASK_DEAD: Final = 6  #: will not run again

STATE_LETTERS: Final = "NRRSDDX"  #: as ps shows them

#: Bits of Task.flags.
TASK_RESTORES_MASK: Final = 1 << 0  #: saved_mask holds what signal_mask must be again
TASK_ENDS: Final = 1 << 1  #: it is on its way to DEAD; no signal has a meaning any more

#: Values of Task.restart.
RESTART_NONE: Final = 0
RESTART_CALL: Final = 1  #: again, unless a handler without SA_RESTART runs
RESTART_NO_HANDLER: Final = 2  #: again, unless any handler runs
RESTART_SLEEP: Final = 3  #: as restart_syscall, unless any handler runs

#: Bytes for the user registers of a task; arch.context says what stands where.
CONTEXT_BYTES: Final = 1024
NAME_BYTES: Final = 16


@layout(size=40)
class Waiter(Layout):
    """One task's place in one queue, that of what it waits for. Lives in the task (Task.waiter)."""

    node: Annotated[ListNode, guarded_by("WaitQueue.lock")]
    task: Annotated[u64, fixed]
    is_woken: Annotated[u32, guarded_by("WaitQueue.lock")]  #: who woke it took it off the queue
    kind: Annotated[u32, guarded_by("WaitQueue.lock")]  #: what it waits for; the lock's type knows
    context: Annotated[u64, guarded_by("WaitQueue.lock")]  #: WwContext, 0 for none


@layout()
class Task(Layout):
    """A schedulable thread."""

    context: Annotated[Any, ctypes.c_uint8 * CONTEXT_BYTES]  #: user registers while off the CPU
    # fixed after creation
    tid: Annotated[u32, fixed]
    process: Annotated[u64, fixed]  #: Process, 0 for a kernel thread
    # guarded by the lock of the run queue of ``cpu``
    state: Annotated[u32, atomic]  #: TASK_*; the task itself sets SLEEPING and BLOCKED
    cpu: Annotated[u32, atomic]  #: home CPU; changes only while in_kernel is 0 and it is queued
    on_cpu: Annotated[u32, guarded_by("RunQueue.lock")]  #: 1: a CPU runs it, or is leaving it
    run_node: Annotated[ListNode, guarded_by("RunQueue.lock")]
    affinity: Annotated[u64, guarded_by("RunQueue.lock")]  #: bit a CPU it may run on
    priority: Annotated[u32, guarded_by("RunQueue.lock")]  #: higher runs first; 0 for most
    # guarded by the lock of sched.priority
    base_priority: Annotated[u32, guarded_by("Inheritance.lock")]  #: its own, without what is lent
    blocked_on: Annotated[u64, guarded_by("Inheritance.lock")]  #: RtMutex that it waits for
    rt_mutexes: Annotated[ListNode, guarded_by("Inheritance.lock")]  #: held, with waiters
    # of the CPU that runs it
    in_kernel: Annotated[u32, this_cpu]  #: 1: has a coroutine on its home CPU, cannot migrate
    slice_ns: Annotated[u64, this_cpu]  #: CPU time left of this turn
    scopes: Annotated[u32, this_cpu]  #: what its allocations may not do (sched.scopes)
    user_ns: Annotated[u64, this_cpu]  #: CPU time in user mode
    system_ns: Annotated[u64, this_cpu]  #: CPU time in the kernel
    switches: Annotated[u64, this_cpu]
    started_ns: Annotated[u64, fixed]  #: monotonic time of creation
    address_space: Annotated[u64, this_cpu]  #: AddressSpace, 0 for a kernel thread
    # signals and the process's life (mpkernel.proc)
    signal_pending: Annotated[u32, atomic]  #: 1: look for signals before user mode
    must_end: Annotated[u32, atomic]  #: 1: one of them ends the task; 0 once the end has begun
    exit_code: u32  #: as wait4 reports it, once DEAD
    signal_mask: u64
    signals: Annotated[u64, atomic]  #: pending for this thread, bit signal-1
    clear_tid: u64  #: user address cleared at exit (CLONE_CHILD_CLEARTID), 0 for none
    robust_list: u64  #: user address of the list of robust mutexes held, 0 for none
    saved_mask: u64  #: mask to go back to after rt_sigsuspend, if TASK_RESTORES_MASK
    restart: u32  #: RESTART_*: what a call cut short by a signal does if no handler forbids
    restart_number: u32  #: its number
    restart_deadline_ns: u64  #: when the sleep that restart_syscall resumes ends
    fault_code: u32  #: si_code of the exception that this task raised last
    fault_address: u64
    alt_stack_base: u64
    alt_stack_size: u64
    alt_stack_flags: u32
    thread_node: Annotated[ListNode, guarded_by("Process.lock")]
    references: Refcount
    flags: Annotated[u32, atomic]
    waiter: Waiter
    timer: Timer
    name: Annotated[Any, ctypes.c_uint8 * NAME_BYTES]  #: for ps and the log, NUL-padded
    reserved_end: u8


def current() -> Task:
    """The task that this CPU runs. Never called from the idle loop."""
    return Task.at(current_at())


def current_at() -> int:
    """Its address: all that a lock wants to know of its owner."""
    at: int = cpu().area.current
    assert at, "no task runs on this CPU"
    return at


def sleep_state(*, interruptible: bool = False, killable: bool = False) -> int:
    """TASK_*: the state of a sleep that any signal ends, only one that ends the task, or none."""
    return TASK_KILLABLE if killable else TASK_SLEEPING if interruptible else TASK_BLOCKED


def is_asleep(task: Task) -> bool:
    """Whether the task waits for an event."""
    return bool(TASK_SLEEPING <= task.state <= TASK_BLOCKED)


def is_called(task: Task) -> bool:
    """Whether a signal ends the sleep in which the task is, or which it is about to begin."""
    state = task.state
    return bool(
        (state == TASK_SLEEPING and task.signal_pending)
        or (state == TASK_KILLABLE and task.must_end)
    )


def name_of(task: Task) -> str:
    """The task's name as text."""
    return bytes(task.name).split(b"\0", 1)[0].decode("utf-8", "replace")


def set_name(task: Task, name: str) -> None:
    """Name the task, cut to NAME_BYTES - 1 bytes."""
    data = name.encode("utf-8", "surrogateescape")[: NAME_BYTES - 1]
    ctypes.memmove(task.name, data.ljust(NAME_BYTES, b"\0"), NAME_BYTES)
