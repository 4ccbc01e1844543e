"""Priority of a task: where it stands in its run queue. 0 for most; higher runs first.

It is no promise against those of priority 0: only the order in which one CPU takes what is ready.

State: RAM. Locks: RunQueue.lock. Context: any.
"""

from mpkernel.sched.run_queue import RUN_QUEUES, dequeue_locked, enqueue_locked
from mpkernel.sched.task import TASK_READY, Task
from mpkernel.sched.wakeup import kick


def set_priority(task: Task, priority: int) -> None:
    """Let a task run with a priority from now on; if it is queued its place changes at once."""
    while True:
        home = task.cpu
        queue = RUN_QUEUES.of(home)
        with queue.lock.irqsave():
            if task.cpu != home:
                continue  # it moved before the lock was taken
            is_queued = task.state == TASK_READY and not task.run_node.is_empty()
            if is_queued:
                dequeue_locked(queue, task)
            task.priority = priority
            if is_queued:
                enqueue_locked(queue, task)
        break
    if is_queued:
        kick(home)
