"""Rt-mutex: a mutex whose owner runs with the priority of the first who waits for it.

Without that a task of no importance that holds a lock, and does not get to run, keeps the important
one waiting as long as others do run (priority inversion).

    task --blocked_on--> RtMutex --owner--> task --blocked_on--> ...

A task's priority is the highest of its own and those of the first waiters of the rt-mutexes that it
holds. When it changes and the task waits itself, its place among the waiters changes, and with that
perhaps the next owner's priority. Waiters stand by priority, and the release hands the lock to the
first. A chain that comes back to the task is a deadlock: EDEADLK.

    owner: Task | QUEUED

State: RAM. Locks: Inheritance.lock guards all chains (they cross mutexes and CPUs), over
RunQueue.lock. Context: task; may sleep.
"""

from typing import Annotated, ClassVar, Final

from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, statistic, u32, u64
from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import memory, waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.collections.list import ListNode
from mpkernel.sched.grant_queue import grant_locked, granted, prepare
from mpkernel.sched.priority import set_priority
from mpkernel.sched.sleeping_lock import QUEUED, OwnedLock
from mpkernel.sched.task import Task, Waiter, current
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass
from mpkernel.sync.spinlock import Spinlock


@layout()
class Inheritance(Layout):
    """What guards all chains."""

    lock: Spinlock


CHAINS: Final = memory.static(Inheritance)


@layout(size=56)
class RtMutex(OwnedLock):
    """A sleeping lock with an owner, who is helped by those who wait."""

    MODE: ClassVar[int] = modes.RT_MUTEX
    WAIT: ClassVar[int] = waits_for.RT_MUTEX

    owner: AtomicU64  #: Task, 0 if free; QUEUED
    waiters: Annotated[ListNode, guarded_by("Inheritance.lock")]  #: Waiter, by priority
    held_node: Annotated[ListNode, guarded_by("Inheritance.lock")]  #: in Task.rt_mutexes if QUEUED
    key: Annotated[u32, fixed]  #: class and subclass, 0 before init
    contended: Annotated[u32, atomic]
    since: Annotated[u64, statistic]

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        CHAINS.lock.init_static(ranks.PRIORITY)
        self.owner.store(0)
        self.waiters.init()
        self.held_node.init()
        self._set_key(lock_class.id + modes.nested(subclass))

    def _hand_on(self) -> None:
        """Hand the lock to the first who waits."""
        task = current()
        with CHAINS.lock.irqsave():
            first = self.waiters.first(Waiter, "node")
            assert first is not None, "an rt-mutex with QUEUED set and no waiters"
            heir = Task.at(first.task)
            heir.blocked_on = 0
            grant_locked(first)
            self.held_node.remove()
            self.owner.store(heir.phys)
            self._note_waiters_locked()
            _inherit_locked(heir)
            _inherit_locked(task)

    async def _wait(self, state: int) -> None:
        task = current()
        with CHAINS.lock.irqsave():
            if not self._mark_queued_locked(task.phys):
                return
            if _waits_for(self.owner.value & ~QUEUED, task.phys):
                self._note_waiters_locked()
                raise SysError(Errno.EDEADLK)
            _list_by_priority(self.waiters, prepare(task))
            task.blocked_on = self.phys
            self._note_waiters_locked()
            _inherit_locked(Task.at(self.owner.value & ~QUEUED))
        try:
            await granted(CHAINS.lock, state)
        except Interrupted:
            with CHAINS.lock.irqsave():
                task.blocked_on = 0
                self._note_waiters_locked()
                _inherit_locked(Task.at(self.owner.value & ~QUEUED))
            raise

    def _mark_queued_locked(self, me: int) -> bool:
        """Keep the owner from a release that does not look; False if the lock is taken instead."""
        while True:
            seen: int = self.owner.value
            if not seen and not self.owner.cas(0, me):
                return False
            if seen and self.owner.cas(seen, seen | QUEUED) == seen:
                return True

    def _note_waiters_locked(self) -> None:
        """Have QUEUED, and the owner's list of what is waited for, say whether somebody waits."""
        if self.waiters.is_empty():
            self.owner.and_(~QUEUED)
            if not self.held_node.is_empty():
                self.held_node.remove()
            return
        self.owner.or_(QUEUED)
        if self.held_node.is_empty():
            held = Task.at(self.owner.value & ~QUEUED).rt_mutexes
            if not held.next:
                held.init()
            held.append(self.held_node)


def set_base_priority(task: Task, priority: int) -> None:
    """Give a task a priority of its own; what is lent to it comes on top."""
    CHAINS.lock.init_static(ranks.PRIORITY)
    with CHAINS.lock.irqsave():
        task.base_priority = priority
        _inherit_locked(task)


def _inherit_locked(task: Task) -> None:
    """Recompute a task's priority, and what follows from it along the chain."""
    while True:
        lent = (_first_priority(one) for one in task.rt_mutexes.objects(RtMutex, "held_node"))
        wanted = max(task.base_priority, *lent, 0)
        if wanted == task.priority:
            return
        set_priority(task, wanted)
        if not task.blocked_on:
            return
        mutex = RtMutex.at(task.blocked_on)
        task.waiter.node.remove()
        _list_by_priority(mutex.waiters, task.waiter)
        task = Task.at(mutex.owner.value & ~QUEUED)


def _first_priority(mutex: RtMutex) -> int:
    first = mutex.waiters.first(Waiter, "node")
    return 0 if first is None else Task.at(first.task).priority


def _list_by_priority(waiters: ListNode, waiter: Waiter) -> None:
    priority = Task.at(waiter.task).priority
    for other in waiters.objects(Waiter, "node") if priority else ():
        if Task.at(other.task).priority < priority:
            other.node.append(waiter.node)  # "last before" that node
            return
    waiters.append(waiter.node)


def _waits_for(task_at: int, what: int) -> bool:
    """Whether the chain from a task leads to the task ``what``."""
    while task_at != what:
        mutex = Task.at(task_at).blocked_on
        if not mutex:
            return False
        task_at = RtMutex.at(mutex).owner.value & ~QUEUED
    return True
