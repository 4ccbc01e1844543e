"""Grant queue: tasks asleep until they are given what they wait for.

    with queue.lock.irqsave():
        if self._take_locked(): return
        queue.append_locked(current())
    await queue.granted()                    # the sleeper
    queue.grant_locked(queue.first_locked()) # the giver, who has made it the sleeper's

A wait queue's sleepers look for themselves, and may find that others were quicker; here the giver
decides. So whoever is woken has it, nobody is overtaken, and no wakeup is without effect.

State: RAM. Locks: GrantQueue.lock, over RunQueue.lock. Context: waiting is for tasks and sleeps;
granting is for any.
"""

from typing import Annotated

from hw.spec.layout import Layout, guarded_by, layout
from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.cpu import cpu
from mpkernel.collections.list import ListNode
from mpkernel.sched.task import TASK_BLOCKED, Task, Waiter, current, is_called
from mpkernel.sched.wait_queue import give_up_cpu, stay_awake
from mpkernel.sched.wakeup import wake
from mpkernel.sync import ranks
from mpkernel.sync.lockdep.modes import EVENT
from mpkernel.sync.ranks import LockClass
from mpkernel.sync.spinlock import Spinlock


@layout(size=56)
class GrantQueue(Layout):
    """Those who wait for one thing, the next to have it first."""

    lock: Spinlock
    waiters: Annotated[ListNode, guarded_by("lock")]

    def init(self, lock_class: LockClass = ranks.WAIT_QUEUE) -> None:
        """Make the queue empty. Before anyone else can see it.

        ``lock_class``: one of its own for what has no owner that the validator could know.
        """
        self.lock.init(lock_class)
        self.waiters.init()

    def tell_wait(self) -> None:
        """The current task may have to wait here for what others give."""
        watch = cpu().lockdep
        if watch is not None and self.lock.cell.key != ranks.WAIT_QUEUE.id:
            watch.wait_event(self.lock.cell.key | EVENT)

    def tell_grant(self) -> None:
        """Somebody is given what others may wait for here."""
        watch = cpu().lockdep
        if watch is not None and self.lock.cell.key != ranks.WAIT_QUEUE.id:
            watch.bring_event(self.lock.cell.key | EVENT)

    def is_empty(self) -> bool:
        """Whether nobody waits; true for a moment only, but for holders of the lock."""
        return self.waiters.is_empty()

    def first_locked(self) -> Waiter | None:
        """Who is next."""
        return self.waiters.first(Waiter, "node")

    def append_locked(self, task: Task, kind: int = 0) -> Waiter:
        """Make the current task the last; ``granted`` follows, with the lock released."""
        waiter = prepare(task, kind)
        self.waiters.append(waiter.node)
        return waiter

    async def granted(self, state: int = TASK_BLOCKED) -> None:
        """Sleep in ``state`` until it is granted. The lock is not held.

        Raises:
            Interrupted: a signal ended the sleep; the task waits no longer.
        """
        await granted(self.lock, state)


def prepare(task: Task, kind: int = 0) -> Waiter:
    """A task's waiter, on no queue and not granted."""
    waiter = task.waiter
    waiter.task, waiter.kind, waiter.is_woken, waiter.context = task.phys, kind, 0, 0
    return waiter


def grant_locked(waiter: Waiter) -> None:
    """Off the queue, and awake: it has what it waited for. Under the queue's lock."""
    waiter.node.remove()
    waiter.is_woken = 1
    wake(Task.at(waiter.task))


async def granted(lock: Spinlock, state: int = TASK_BLOCKED) -> None:
    """``GrantQueue.granted`` for a queue that is guarded by another lock."""
    task = current()
    waiter = task.waiter
    with waits_for.Asleep(
        waits_for.EVENT, lock.phys, task.phys,
        condition=lambda: waiter.is_woken, is_killable=state != TASK_BLOCKED,
    ):  # fmt: skip
        await _until_woken(lock, task, waiter, state)


async def _until_woken(lock: Spinlock, task: Task, waiter: Waiter, state: int) -> None:
    while True:
        with lock.irqsave():
            if waiter.is_woken:
                return
            task.state = state
            if is_called(task):  # after the state: no signal is overlooked
                waiter.node.remove()
                stay_awake(task)
                raise Interrupted
        await give_up_cpu()
