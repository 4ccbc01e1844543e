"""Semaphore: so many may have it at the same time. Nobody owns it: one may take, another give.

    await free_slots.acquire(); ... ; free_slots.release()        # release: from any context

Of a class of its own (GrantQueue), the validator follows from who waits to who gives.

State: RAM. Locks: GrantQueue.lock inside. Context: acquire, task, may sleep; release, any.
"""

from typing import Annotated

from hw.spec.layout import Layout, guarded_by, layout, u64
from mpkernel.sched.grant_queue import GrantQueue, grant_locked
from mpkernel.sched.task import current, sleep_state
from mpkernel.sync import preempt, ranks
from mpkernel.sync.ranks import LockClass


@layout(size=64)
class Semaphore(Layout):
    """A number of permits, and who waits for one."""

    queue: GrantQueue
    permits: Annotated[u64, guarded_by("queue.lock")]

    def init(self, permits: int, lock_class: LockClass = ranks.WAIT_QUEUE) -> None:
        """So many may have it. Before anyone else can see it."""
        self.queue.init(lock_class)
        self.permits = permits

    async def acquire(self, *, interruptible: bool = False, killable: bool = False) -> None:
        """Take a permit; sleeps until there is one, first come first served.

        Raises:
            Interrupted: a signal came first (if ``interruptible``), or one that ends the task (if
                ``killable``).
        """
        preempt.might_sleep()
        self.queue.tell_wait()
        with self.queue.lock.irqsave():
            if self._take_locked():
                return
            self.queue.append_locked(current())
        await self.queue.granted(sleep_state(interruptible=interruptible, killable=killable))

    def try_acquire(self) -> bool:
        """Take a permit if there is one."""
        with self.queue.lock.irqsave():
            return self._take_locked()

    def release(self) -> None:
        """Give a permit, to who waits longest if somebody does."""
        self.queue.tell_grant()
        with self.queue.lock.irqsave():
            first = self.queue.first_locked()
            if first is not None:
                grant_locked(first)
            else:
                self.permits += 1

    @property
    def name(self) -> str:
        """Name of its class."""
        return self.queue.lock.name

    def _take_locked(self) -> bool:
        if not self.permits:
            return False
        self.permits -= 1
        return True
