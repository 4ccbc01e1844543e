"""Mutex: a lock whose waiters sleep. For tasks only; held across awaits.

    async with space.lock: ...

The word is taken by compare-and-set; the wait queue's order (list, then test) loses no wakeup: the
release stores 0 first and wakes then.

State: RAM. Locks: WaitQueue.lock inside. Context: task; may sleep.
"""

from types import TracebackType
from typing import Annotated, Self

from hw.spec.layout import Layout, atomic, fixed, layout, u32
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.panic import panic
from mpkernel.sched.task import current
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass


@layout(size=72)
class Mutex(Layout):
    """A sleeping lock with an owner."""

    owner: AtomicU64  #: Task, 0 if free
    queue: WaitQueue
    class_id: Annotated[u32, fixed]
    contended: Annotated[u32, atomic]

    def init(self, lock_class: LockClass) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, lock_class.id)
        self.owner.store(0)
        self.queue.init()
        self.class_id = lock_class.id

    async def acquire(self) -> None:
        """Take the lock; sleeps, and no signal ends the sleep."""
        preempt.might_sleep()
        me = current().phys
        if not self.class_id:
            panic("a mutex is used before init")
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.class_id, modes.MUTEX)
        if self.owner.cas(0, me) == 0:
            return
        if self.owner.value == me:
            panic(f"mutex {self.name}@{self.phys:#x} taken twice by the same task")
        self.contended += 1
        if watch is not None:
            watch.contended(self.phys)
        owner = self.owner
        await self.queue.wait_until(lambda: owner.cas(0, me) == 0, interruptible=False)
        if watch is not None:
            watch.acquired(self.phys)

    def release(self) -> None:
        """Give the lock back and wake one waiter. Only its owner may."""
        watch = cpu().lockdep
        if watch is not None:
            watch.release(self.phys)
        if self.owner.value != current().phys:
            panic(f"mutex {self.name}@{self.phys:#x} released by a task that does not hold it")
        self.owner.xchg(0)
        if not self.queue.is_empty():
            self.queue.wake_one()

    def assert_held(self) -> None:
        """Panic unless the current task holds the lock."""
        if self.owner.value != current().phys:
            panic(f"the {self.name} mutex is needed here")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.by_id(self.class_id).name if self.class_id else "(no class)"

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.release()
