"""Spinlock: test-and-set with an owner, which disables preemption while it is held.

Not FIFO: with more CPUs than the host has, a ticket lock hands the turn to a waiter that does not
run (measured: 1,650 times slower). How waiters wait and what bounds their wait: arch.spin_wait.

A lock is a field of what it guards, and gets its class once:

    rq.lock.init(ranks.RUN_QUEUE)
    with rq.lock: ...
    with rq.lock.irqsave(): ...

An exception is no unlock: leaving by anything but SysError panics before the release.

State: RAM. Locks: order by mpkernel.sync.ranks. Context: any; a lock that an interrupt handler
takes must be taken with irqsave everywhere.
"""

import ctypes
from types import TracebackType
from typing import ClassVar, Self

from hw.spec.layout import DIRECT_MAP, Layout, layout
from mpkernel.arch import interrupts, memory, spin_wait
from mpkernel.arch.atomics import AtomicU32
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_code import OWNER, SpinCell, give, take, take_if_free
from mpkernel.panic import panic
from mpkernel.sync import ranks
from mpkernel.sync.guard import check_exit
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass


@layout(size=40)
class Spinlock(Layout):
    """The lock's bytes."""

    KIND: ClassVar[int] = modes.SPIN

    cell: SpinCell

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        key = lock_class.id + modes.nested(subclass)
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, key)
        memory.zero(self.phys, SpinCell.SIZE)
        self.cell.key = key

    def init_static(self, lock_class: LockClass) -> None:
        """Give a lock in zeroed memory, which is free, its class. By any CPU, and again."""
        if not self.cell.key:
            AtomicU32.at(self.cell.phys + SpinCell.offset_of("key")).store(lock_class.id)

    def acquire(self, *, nested: bool = False, subclass: int = 0, nest_lock: int = 0) -> None:
        """Take the lock, spinning.

        ``nested``: a second one of its class, in an order of its own (``subclass`` 1).
        ``nest_lock``: address of a lock that is held and makes the order among locks of this class
        irrelevant.
        Panics if this CPU holds it already.
        """
        this = cpu()
        at = ctypes.addressof(self)
        watch = this.lockdep
        if watch is not None:
            self._check_init()
            key = self.cell.key + modes.nested(subclass or nested)
            watch.acquire(at - DIRECT_MAP, key, self.KIND, nest_lock)
        if take(at, this.area_at, this.number):
            self._wait(at - DIRECT_MAP)

    def try_acquire(self) -> bool:
        """Take the lock if it is free. No order is checked: a try cannot deadlock."""
        this = cpu()
        at = ctypes.addressof(self)
        if take_if_free(at, this.area_at, this.number):
            self._check_init()
            if not spin_wait.try_take(self.cell, this):
                this.area.preempt_count -= 1
                return False
        if this.lockdep is not None:
            this.lockdep.acquire(at - DIRECT_MAP, self.cell.key, self.KIND | modes.TRY)
        return True

    def release(self) -> None:
        """Give the lock back. Only its owner may."""
        this = cpu()
        at = ctypes.addressof(self)
        if this.lockdep is not None:
            this.lockdep.release(at - DIRECT_MAP)
        word = give(at, this.area_at, this.number)
        if word:
            if word & OWNER != this.number:
                panic(f"CPU {this.index} releases a {self.name} lock that it does not hold")
            spin_wait.give_over(self.cell)
            this.area.preempt_count -= 1

    def is_held(self) -> bool:
        """Whether this CPU holds the lock."""
        held: bool = self.cell.word.value & OWNER == cpu().number
        return held

    def assert_held(self) -> None:
        """Panic unless this CPU holds the lock."""
        if not self.is_held():
            panic(f"CPU {cpu().index} needs the {self.name} lock here")

    @property
    def class_id(self) -> int:
        """LockClass.id, 0 before init."""
        key: int = self.cell.key
        return key & ranks.CLASS_MASK

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.cell.key)

    def irqsave(self) -> "IrqSaved":
        """Context manager: interrupts off, lock taken; back to what they were at the end."""
        return IrqSaved(self)

    def _check_init(self) -> None:
        if not self.cell.key:
            panic("a lock is used before init")

    def _wait(self, lock: int) -> None:
        this = cpu()
        self._check_init()
        if self.is_held():
            panic(f"{self.name}@{lock:#x} taken twice by CPU {this.index}")
        watch = this.lockdep
        if watch is not None:
            watch.contended(lock)
        spin_wait.wait(self.cell)
        if watch is not None:
            watch.acquired(lock)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind is not None:
            check_exit(self.name, kind, error)
        self.release()


class IrqSaved:
    """A spinlock held with interrupts off."""

    __slots__ = ("_flag", "_lock")

    def __init__(self, lock: Spinlock) -> None:
        self._lock = lock
        self._flag = 0

    def __enter__(self) -> Spinlock:
        self._flag = interrupts.save()
        self._lock.acquire()
        return self._lock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._lock.__exit__(kind, error, tb)
        interrupts.restore(self._flag)
