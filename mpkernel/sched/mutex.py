"""Mutex: a lock whose waiters sleep. For tasks only; held across awaits.

    async with space.lock: ...

Whoever comes while the lock is free takes it, even if others wait: they have to be woken first,
and the lock need not lie idle until then. The one that waits longest is woken at each release, and
keeps its place if others were quicker; after OVERTAKES of them the lock is handed to it.

    owner: Task | QUEUED

No wakeup is lost and no waiter left over: with QUEUED set, release and waiters look at the word
under the queue's lock.

State: RAM. Locks: GrantQueue.lock inside. Context: task; may sleep.
"""

from types import TracebackType
from typing import Annotated, Final, Self

from hw.spec.layout import Layout, atomic, fixed, layout, u32
from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import host_tsc
from mpkernel.panic import panic
from mpkernel.sched.grant_queue import GrantQueue
from mpkernel.sched.task import TASK_BLOCKED, TASK_SLEEPING, Task, current
from mpkernel.sched.wait_queue import give_up_cpu, stay_awake
from mpkernel.sched.wakeup import wake
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass

#: In ``owner``: somebody waits.
QUEUED: Final = 1
#: Times that a waiter finds the lock taken before it is handed to it.
OVERTAKES: Final = 8


@layout(size=72)
class Mutex(Layout):
    """A sleeping lock with an owner."""

    owner: AtomicU64  #: Task, 0 if free; QUEUED
    queue: GrantQueue  #: a waiter's ``kind`` is how often it was woken for nothing
    key: Annotated[u32, fixed]  #: class and subclass, 0 before init
    contended: Annotated[u32, atomic]

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        key = lock_class.id + modes.nested(subclass)
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, key)
        self.owner.store(0)
        self.queue.init()
        self.key = key

    async def acquire(
        self, *, interruptible: bool = False, subclass: int = 0, nest_lock: int = 0
    ) -> None:
        """Take the lock; sleeps.

        Raises:
            Interrupted: a signal came first (only if ``interruptible``).
        """
        preempt.might_sleep()
        me = current().phys
        this = cpu()
        watch = this.lockdep
        if not self.key:
            panic("a mutex is used before init")
        if watch is not None:
            key = self.key + modes.nested(subclass)
            watch.acquire(self.phys, key, modes.MUTEX, nest_lock)
        if not self.owner.cas(0, me):
            return
        if self.is_held():
            panic(f"mutex {self.name}@{self.phys:#x} taken twice by the same task")
        self.contended += 1
        if watch is not None:
            watch.contended(self.phys)
        begun = host_tsc()
        try:
            with waits_for.Asleep(waits_for.MUTEX, self.phys, me, is_killable=interruptible):
                await self._wait(interruptible=interruptible)
        except Interrupted:
            if watch is not None:
                watch.release(self.phys)
            raise
        this.count_wait(self.key & 0xFFFF, host_tsc() - begun)
        if watch is not None:
            watch.acquired(self.phys)

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        if self.owner.cas(0, current().phys):
            return False
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.key, modes.MUTEX | modes.TRY)
        return True

    def release(self) -> None:
        """Give the lock back and wake one waiter. Only its owner may."""
        watch = cpu().lockdep
        if watch is not None:
            watch.release(self.phys)
        me = current().phys
        found = self.owner.cas(me, 0)
        if found == me:
            return
        if found != me | QUEUED:
            panic(f"mutex {self.name}@{self.phys:#x} released by a task that does not hold it")
        with self.queue.lock.irqsave():
            first = self.queue.first_locked()
            if first is None:
                self.owner.store(0)
                return
            first.kind += 1
            self.owner.store(first.task | QUEUED if first.kind > OVERTAKES else QUEUED)
            wake(Task.at(first.task))

    def is_held(self) -> bool:
        """Whether the current task holds the lock."""
        return self.owner.value & ~QUEUED == current().phys

    def assert_held(self) -> None:
        """Panic unless the current task holds the lock."""
        if not self.is_held():
            panic(f"the {self.name} mutex is needed here")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.key)

    async def _wait(self, *, interruptible: bool) -> None:
        task = current()
        with self.queue.lock.irqsave():
            waiter = self.queue.append_locked(task)
            self.owner.or_(QUEUED)
        while True:
            with self.queue.lock.irqsave():
                if self._take_locked(task.phys):
                    self._leave_locked(task)
                    return
                task.state = TASK_SLEEPING if interruptible else TASK_BLOCKED
                if interruptible and task.signal_pending:
                    self._leave_locked(task)
                    stay_awake(task)
                    raise Interrupted
            assert not waiter.node.is_empty()
            await give_up_cpu()

    def _take_locked(self, me: int) -> bool:
        """Take the lock if it is free, or was handed to this task."""
        seen: int = self.owner.value
        if seen & ~QUEUED == me:
            return True
        return not seen & ~QUEUED and self.owner.cas(seen, me | QUEUED) == seen

    def _leave_locked(self, task: Task) -> None:
        task.waiter.node.remove()
        if self.queue.is_empty():
            self.owner.and_(~QUEUED)

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.release()
