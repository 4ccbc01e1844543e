"""Waking a task: the state changes under the lock of its home's run queue, so no wake is lost.

A task that goes to sleep first sets SLEEPING, then tests its condition, then gives up the CPU. A
waker that comes in between sees on_cpu and only sets READY: the CPU that is leaving the task finds
it ready and queues it (switch.leave).

State: RAM. Locks: RunQueue.lock. Context: any, interrupts included.
"""

from mpkernel.arch import ipi
from mpkernel.arch.cpu import cpu
from mpkernel.sched.run_queue import RUN_QUEUES, enqueue_locked
from mpkernel.sched.task import TASK_NEW, TASK_READY, TASK_RUNNING, Task, is_asleep, is_called
from mpkernel.trace import events


def wake(task: Task, *, only_called: bool = False) -> bool:
    """Make a sleeping task ready on its home CPU; False if it did not sleep.

    ``only_called``: a signal's wake, which leaves alone those whose sleep no signal ends.
    """
    home = task.cpu
    queue = RUN_QUEUES.of(home)
    with queue.lock.irqsave():
        if not is_asleep(task) or (only_called and not is_called(task)):
            return False
        task.state = TASK_READY
        events.record(events.TASK_WOKEN, task.tid, home)
        if task.on_cpu:
            return True  # its CPU has not left it yet, and will look at the state under this lock
        enqueue_locked(queue, task)
    kick(home)
    return True


def start(task: Task, home: int) -> None:
    """Let a NEW task run, first on CPU ``home``."""
    queue = RUN_QUEUES.of(home)
    with queue.lock.irqsave():
        assert task.state == TASK_NEW
        task.cpu = home
        task.state = TASK_READY
        enqueue_locked(queue, task)
    kick(home)


def kick(home: int) -> None:
    """Have CPU ``home`` look at its run queue soon."""
    this = cpu()
    if home == this.index:
        this.area.need_resched = 1
    else:
        ipi.send_reschedule(home)


def notice_signal(task: Task) -> None:
    """Have a task look at ``signal_pending`` soon: wake it from its sleep, or kick its CPU.

    Called after ``signal_pending`` and ``must_end`` are set.
    """
    if not wake(task, only_called=True) and task.state == TASK_RUNNING:
        kick(task.cpu)
