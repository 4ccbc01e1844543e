"""Wait queue: tasks asleep until a condition that somebody else makes true.

    await pipe.readers.wait_until(lambda: pipe.bytes_ready)      # the sleeper
    pipe.bytes_ready += n; pipe.readers.wake_all()               # the waker: change, then wake

The order that loses no wakeup: list the waiter and set SLEEPING, then test the condition, then
give up the CPU. The waiter's memory is the task's own.

State: RAM. Locks: WaitQueue.lock, over RunQueue.lock. Context: waiting is for tasks and may sleep;
waking is for any context.
"""

import types
from collections.abc import Callable, Generator
from typing import Annotated

from hw.spec.layout import Layout, guarded_by, layout
from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import load64
from mpkernel.arch.cpu import cpu
from mpkernel.collections.list import ListNode
from mpkernel.sched import timer
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import (
    TASK_BLOCKED,
    TASK_READY,
    TASK_RUNNING,
    Task,
    Waiter,
    current,
    is_called,
    sleep_state,
)
from mpkernel.sched.wakeup import wake
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep.modes import EVENT
from mpkernel.sync.ranks import LockClass
from mpkernel.sync.spinlock import Spinlock


@types.coroutine
def give_up_cpu() -> Generator[None, None, None]:
    """Leave the CPU until the task is woken. Its state says whether it sleeps or is ready."""
    yield


def stay_awake(task: Task) -> None:
    """The current task, which was about to sleep, or was woken before it did, runs on."""
    with RUN_QUEUES.of(task.cpu).lock.irqsave():
        assert TASK_READY <= task.state <= TASK_BLOCKED
        task.state = TASK_RUNNING


@layout(size=56)
class WaitQueue(Layout):
    """The waiters of one event."""

    lock: Spinlock
    waiters: Annotated[ListNode, guarded_by("lock")]

    def init(self, lock_class: LockClass = ranks.WAIT_QUEUE) -> None:
        """Make the queue empty. Before anyone else can see it.

        ``lock_class``: one of its own has the validator follow from who waits to who wakes.
        """
        self.lock.init(lock_class)
        self.waiters.init()

    async def wait_until(
        self,
        condition: Callable[[], object],
        *,
        interruptible: bool = True,
        killable: bool = False,
        deadline_ns: int | None = None,
        takes: bool = False,
    ) -> bool:
        """Sleep until ``condition`` holds; False if ``deadline_ns`` (monotonic) came first.

        ``condition`` is a plain function and may take spinlocks of lower rank than wait queues. If
        it ``takes`` what it waits for, only the sleeper tests it, else also who suspects that a
        wake was lost (proc.outside_questions).

        Raises:
            Interrupted: a signal came first; if ``killable``, one that ends the task.
        """
        watch = cpu().lockdep
        if watch is not None and self.lock.cell.key != ranks.WAIT_QUEUE.id:
            watch.wait_event(self.lock.cell.key | EVENT)
        if condition():
            return True
        preempt.might_sleep()
        task = current()
        waiter = task.waiter
        waiter.task = task.phys
        state = sleep_state(interruptible=interruptible, killable=killable)
        seen = waits_for.Asleep(
            waits_for.EVENT, self.phys, task.phys, condition=None if takes else condition,
            is_killable=state != TASK_BLOCKED, deadline_ns=deadline_ns,
        )  # fmt: skip
        try:
            with seen:
                while True:
                    with self.lock.irqsave():
                        waiter.is_woken = 0
                        if waiter.node.is_empty():
                            self.waiters.append(waiter.node)
                        task.state = state
                    if condition():
                        return True
                    if is_called(task):
                        raise Interrupted
                    if deadline_ns is not None:
                        if timer.now_ns() >= deadline_ns:
                            return False
                        timer.arm(task, deadline_ns)
                    await give_up_cpu()
        finally:
            self._finish(task, waiter)
            if deadline_ns is not None:
                timer.disarm(task)

    def wake_one(self) -> bool:
        """Wake the task that waits longest; False if none waits."""
        return self._wake(1) > 0

    def wake_all(self) -> int:
        """Wake all waiters; return how many."""
        return self._wake(1 << 32)

    def is_empty(self) -> bool:
        """Whether nobody waits; true for a moment only, but for holders of the lock."""
        waiters = self.waiters.phys
        return load64(waiters + ListNode.offset_of("next")) in (0, waiters)

    def _wake(self, most: int) -> int:
        watch = cpu().lockdep
        if watch is not None and self.lock.cell.key != ranks.WAIT_QUEUE.id:
            watch.bring_event(self.lock.cell.key | EVENT)
        woken = 0
        with self.lock.irqsave():
            for waiter in self.waiters.objects(Waiter, "node"):
                if woken == most:
                    break
                waiter.node.remove()
                waiter.is_woken = 1
                wake(Task.at(waiter.task))
                woken += 1
        return woken

    def _finish(self, task: Task, waiter: Waiter) -> None:
        """The task runs again, or never slept: off the queue, state RUNNING."""
        with self.lock.irqsave():
            if not waiter.node.is_empty():
                waiter.node.remove()
        stay_awake(task)
