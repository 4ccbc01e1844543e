"""Run queue of a CPU: the tasks that are ready to run on it.

Two lists, each by priority, and in order of arrival where that is equal. ``resumed`` holds tasks
woken inside the kernel: they are coroutines of this CPU, run first, and cannot be stolen. ``ready``
holds tasks whose whole state is in RAM: any CPU may take one.

State: RAM. Locks: RunQueue.lock, with interrupts off; two of them by ascending CPU (nested).
Context: any.
"""

from typing import Annotated, Final

from hw.spec.layout import Layout, atomic, guarded_by, layout, u32
from mpkernel.arch.percpu import PerCpu
from mpkernel.collections.list import ListNode
from mpkernel.sched.task import TASK_READY, Task
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock


@layout()
class RunQueue(Layout):
    """Tasks ready on one CPU."""

    lock: Spinlock
    resumed: Annotated[ListNode, guarded_by("lock")]
    ready: Annotated[ListNode, guarded_by("lock")]
    length: Annotated[u32, atomic]  #: tasks in both lists; others read it without the lock
    stealable: Annotated[u32, atomic]  #: tasks in ``ready``
    is_online: Annotated[u32, atomic]
    is_idle: Annotated[u32, atomic]  #: 1: its CPU halts or is about to


RUN_QUEUES: Final = PerCpu(RunQueue)


def init(cpu: int) -> None:
    """Make the run queue of ``cpu`` empty. Before that CPU is online."""
    queue = RUN_QUEUES.of(cpu)
    queue.lock.init(ranks.RUN_QUEUE)
    queue.resumed.init()
    queue.ready.init()


def enqueue_locked(queue: RunQueue, task: Task) -> None:
    """Put a READY task into its list, behind those of its priority."""
    assert task.state == TASK_READY
    tasks = queue.resumed if task.in_kernel else queue.ready
    _place_for(tasks, task.priority).append(task.run_node)
    queue.length += 1
    if not task.in_kernel:
        queue.stealable += 1


def _place_for(tasks: ListNode, priority: int) -> ListNode:
    """The node before which a task of a priority belongs: the head's stands for the end."""
    for other in tasks.objects(Task, "run_node") if priority else ():
        if other.priority < priority:
            return other.run_node
    return tasks


def dequeue_locked(queue: RunQueue, task: Task) -> None:
    """Take a task off its list."""
    task.run_node.remove()
    queue.length -= 1
    if not task.in_kernel:
        queue.stealable -= 1


def first_locked(queue: RunQueue) -> Task | None:
    """The task whose turn it is, still listed; None if the queue is empty."""
    return queue.resumed.first(Task, "run_node") or queue.ready.first(Task, "run_node")
