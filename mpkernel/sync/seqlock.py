"""Sequence lock: readers take nothing and write nothing; they read again if a writer came between.

    with clock.lock.write(): clock.seconds, clock.nanoseconds = ...
    now = clock.lock.read(lambda: (clock.seconds, clock.nanoseconds))

For what is small, read often and written rarely. The reader's function may see a half-made state:
it copies words and follows no address. SeqCount is the counter alone, for writers that have a lock
of another kind.

    sequence: odd while a writer is at it, raised by each writer once before and once after

State: RAM. Locks: Spinlock inside. Context: any; a lock that an interrupt handler reads is written
with interrupts off, else the handler waits for the writer that it has interrupted.
"""

from collections.abc import Callable
from typing import TypeVar

from hw.spec.layout import Layout, layout
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.panic import panic
from mpkernel.sync.guard import Guard
from mpkernel.sync.ranks import LockClass
from mpkernel.sync.spinlock import Spinlock

T = TypeVar("T")


@layout(size=8)
class SeqCount(Layout):
    """The counter. Its writers exclude each other by other means, with preemption off."""

    sequence: AtomicU64

    def init(self) -> None:
        """No writer yet."""
        self.sequence.store(0)

    def write_begin(self) -> None:
        """Readers that began before will read again, later ones wait."""
        if self.sequence.add(1) & 1:
            panic("a sequence is written by two at the same time")
        assert cpu().area.preempt_count, "a sequence is written with preemption on"

    def write_end(self) -> None:
        """What is written is whole."""
        if not self.sequence.add(1) & 1:
            panic("a sequence is ended that nobody writes")

    def read_begin(self) -> int:
        """Wait until no writer is at it; what ``read_retry`` wants to know."""
        turn = 0
        while (start := self.sequence.load()) & 1:
            relax(turn)
            turn += 1
        return start

    def read_retry(self, start: int) -> bool:
        """Whether a writer came since ``read_begin``: what was read may be torn."""
        return self.sequence.load() != start  # loads stay in order: x86-64, and no compiler here

    def read(self, copy: Callable[[], T]) -> T:
        """What ``copy`` returns from one state, not from two."""
        while True:
            start = self.read_begin()
            copied = copy()
            if not self.read_retry(start):
                return copied


@layout(size=48)
class Seqlock(Layout):
    """A counter with the spinlock of its writers."""

    lock: Spinlock
    count: SeqCount

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        self.lock.init(lock_class, subclass)
        self.count.init()

    def acquire_write(self) -> None:
        """Exclude other writers; readers go on, and will read again."""
        self.lock.acquire()
        self.count.write_begin()

    def release_write(self) -> None:
        """What is written is whole."""
        self.count.write_end()
        self.lock.release()

    def write(self, *, irqsave: bool = False) -> Guard:
        """Context manager: the only writer."""
        return Guard(self.lock.name, self.acquire_write, self.release_write, irqsave=irqsave)

    def read_begin(self) -> int:
        """Wait until no writer is at it; what ``read_retry`` wants to know."""
        return self.count.read_begin()

    def read_retry(self, start: int) -> bool:
        """Whether a writer came since ``read_begin``: what was read may be torn."""
        return self.count.read_retry(start)

    def read(self, copy: Callable[[], T]) -> T:
        """What ``copy`` returns from one state, not from two."""
        return self.count.read(copy)

    def assert_held(self) -> None:
        """Panic unless this CPU is the writer."""
        self.lock.assert_held()
