"""Completion: something happens once, and whoever waits for it goes on, before or after.

State: RAM. Locks: WaitQueue.lock. Context: wait is for tasks and sleeps; complete is for any.
"""

from hw.spec.layout import Layout, layout, u32
from mpkernel.arch.atomics import AtomicU32
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.sync.ranks import LockClass


@layout(size=64)
class Completion(Layout):
    """An event of which the past counts."""

    queue: WaitQueue
    done: AtomicU32
    reserved_0x03c: u32

    def init(self, lock_class: LockClass = ranks.WAIT_QUEUE) -> None:
        """Nothing has happened yet. ``lock_class``: see WaitQueue."""
        self.queue.init(lock_class)
        self.done.store(0)

    def complete(self) -> None:
        """It has happened: all waiters go on, later ones do not wait."""
        self.done.xchg(1)
        self.queue.wake_all()

    async def wait(self, *, interruptible: bool = False) -> None:
        """Sleep until it has happened.

        Raises:
            Interrupted: a signal came first (only if ``interruptible``).
        """
        done = self.done
        await self.queue.wait_until(lambda: done.value, interruptible=interruptible)
