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

from typing import Annotated, ClassVar, Final

from hw.spec.layout import atomic, fixed, layout, statistic, u32, u64
from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.sched.grant_queue import GrantQueue
from mpkernel.sched.sleeping_lock import QUEUED, OwnedLock
from mpkernel.sched.task import Task, current, is_called
from mpkernel.sched.wait_queue import give_up_cpu, stay_awake
from mpkernel.sched.wakeup import wake
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass

#: Times that a waiter finds the lock taken before it is handed to it.
OVERTAKES: Final = 8


@layout(size=80)
class Mutex(OwnedLock):
    """A sleeping lock with an owner."""

    MODE: ClassVar[int] = modes.MUTEX
    WAIT: ClassVar[int] = waits_for.MUTEX

    owner: AtomicU64  #: Task, 0 if free; QUEUED
    queue: GrantQueue  #: a waiter's ``kind`` is how often it was woken for nothing
    key: Annotated[u32, fixed]  #: class and subclass, 0 before init
    contended: Annotated[u32, atomic]
    since: Annotated[u64, statistic]

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        self.owner.store(0)
        self.queue.init()
        self._set_key(lock_class.id + modes.nested(subclass))

    def _hand_on(self) -> None:
        with self.queue.lock.irqsave():
            first = self.queue.first_locked()
            if first is None:
                self.owner.store(0)
                return
            first.kind += 1
            self.owner.store(first.task | QUEUED if first.kind > OVERTAKES else QUEUED)
            wake(Task.at(first.task))

    async def _wait(self, state: int) -> None:
        task = current()
        with self.queue.lock.irqsave():
            waiter = self.queue.append_locked(task)
            self.owner.or_(QUEUED)
        while True:
            with self.queue.lock.irqsave():
                if self._take_locked(task.phys):
                    self._leave_locked(task)
                    return
                task.state = state
                if is_called(task):
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
