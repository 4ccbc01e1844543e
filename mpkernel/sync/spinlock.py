"""Spinlock: test-and-set with an owner, which disables preemption while it is held.

Not FIFO: with more CPUs than the host has, a ticket lock hands the turn to a waiter that does not
run (measured: 1,650 times slower). Waiters take interrupts (if enabled) and give the host CPU away.

A lock is a field of what it guards, and gets its class once:

    rq.lock.init(ranks.RUN_QUEUE)
    with rq.lock: ...
    with rq.lock.irqsave(): ...

An exception is no unlock: leaving by anything but SysError panics before the release.

State: RAM. Locks: order by mpkernel.sync.ranks. Context: any; a lock that an interrupt handler
takes must be taken with irqsave everywhere.
"""

from types import TracebackType
from typing import Annotated, Self

from hw.spec.layout import Layout, atomic, fixed, layout, u32
from mpkernel.abi.errno import SysError
from mpkernel.arch import interrupts
from mpkernel.arch.atomics import AtomicU32
from mpkernel.arch.cpu import cpu, relax
from mpkernel.panic import panic
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass


@layout(size=16)
class Spinlock(Layout):
    """The lock's bytes."""

    word: AtomicU32  #: 0 free, 1 + CPU index of the owner
    class_id: Annotated[u32, fixed]  #: LockClass.id, 0 before init
    contended: Annotated[u32, atomic]  #: acquisitions that had to wait (statistics, may lose some)
    reserved_0x00c: u32

    def init(self, lock_class: LockClass) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, lock_class.id)
        self.word.store(0)
        self.class_id = lock_class.id

    def acquire(self, *, nested: bool = False) -> None:
        """Take the lock, spinning. ``nested``: a second one of its class, in an order of its own.

        Panics if this CPU holds it already.
        """
        this = cpu()
        if not self.class_id:
            panic("a lock is used before init")
        watch = this.lockdep
        if watch is not None:
            watch.acquire(self.phys, self.class_id + modes.nested(nested), modes.SPIN)
        this.area.preempt_count += 1
        mine = this.index + 1
        word = self.word
        owner = word.cas(0, mine)
        if owner == mine:
            panic(f"{self.name}@{self.phys:#x} taken twice by CPU {this.index}")
        if owner:
            self.contended += 1
            if watch is not None:
                watch.contended(self.phys)
            turn = 0
            while word.value or word.cas(0, mine):
                relax(turn)
                turn += 1
            if watch is not None:
                watch.acquired(self.phys)

    def try_acquire(self) -> bool:
        """Take the lock if it is free. No order is checked: a try cannot deadlock."""
        this = cpu()
        assert self.class_id, "lock used before init"
        if self.word.cas(0, this.index + 1):
            return False
        this.area.preempt_count += 1
        if this.lockdep is not None:
            this.lockdep.acquire(self.phys, self.class_id, modes.SPIN | modes.TRY)
        return True

    def release(self) -> None:
        """Give the lock back. Only its owner may."""
        this = cpu()
        if this.lockdep is not None:
            this.lockdep.release(self.phys)
        if self.word.value != this.index + 1:
            panic(f"CPU {this.index} releases a {self.name} lock that it does not hold")
        self.word.store(0)
        this.area.preempt_count -= 1

    def is_held(self) -> bool:
        """Whether this CPU holds the lock."""
        return self.word.value == cpu().index + 1

    def assert_held(self) -> None:
        """Panic unless this CPU holds the lock."""
        if not self.is_held():
            panic(f"CPU {cpu().index} needs the {self.name} lock here")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.BY_ID[self.class_id].name if self.class_id else "(no class)"

    def irqsave(self) -> "IrqSaved":
        """Context manager: interrupts off, lock taken; back to what they were at the end."""
        return IrqSaved(self)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, SysError):
            panic(f"{kind.__name__} with the {self.name} lock held: {error}")
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
