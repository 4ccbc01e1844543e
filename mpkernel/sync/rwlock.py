"""Read-write lock: one writer or many readers, spinning.

Writers are not starved: a reader that finds a writer waiting queues behind it. Two kinds of readers
overtake, else they would wait for themselves: a CPU that reads already, and an interrupt handler,
which may have interrupted a reader. So handlers may read a lock that tasks read with interrupts on;
whoever writes does so with interrupts off then.

Who has to wait queues for ``turn`` first: its bounded overtakes are this lock's, too.

    word:  63..16 readers | 8 a writer waits | 7..0 writer (CPU index + 1)

State: RAM, and Cpu.reading (private). Locks: order by mpkernel.sync.ranks. Context: any.
"""

import ctypes
from typing import Annotated, Final

from hw.spec.layout import Layout, fixed, layout, statistic, u32, u64
from mpkernel.arch import memory, spin_wait, waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import LOCK_CLASSES, Cpu, cpu
from mpkernel.arch.spin_code import SpinCell, give, take
from mpkernel.arch.spin_loop import relax
from mpkernel.arch.timer import host_tsc
from mpkernel.panic import panic
from mpkernel.sync import ranks
from mpkernel.sync.guard import Guard
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass

_WRITER: Final = 0xFF
_WAITING: Final = 1 << 8
_READER: Final = 1 << 16


@layout(size=64)
class Rwlock(Layout):
    """The lock's bytes."""

    word: AtomicU64
    turn: SpinCell  #: of those who wait: held by the first
    key: Annotated[u32, fixed]  #: class and subclass, 0 before init
    prefers_readers: Annotated[u32, fixed]  #: 1: every reader overtakes waiting writers
    since: Annotated[u64, statistic]  #: host TSC when the writer took it

    def init(
        self, lock_class: LockClass, subclass: int = 0, *, prefers_readers: bool = False
    ) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        key = lock_class.id + modes.nested(subclass)
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, key)
        memory.zero(self.phys, self.SIZE)
        self.turn.key = LOCK_CLASSES  # not counted as a lock of its own
        self.key = key
        self.prefers_readers = prefers_readers

    def acquire_read(self, *, subclass: int = 0, nest_lock: int = 0) -> None:
        """Take the lock with other readers, spinning. A CPU that reads already may again."""
        this = cpu()
        at = self._checked()
        overtakes = self._overtakes(this, at)
        watch = this.lockdep
        if watch is not None:
            mode = modes.RWLOCK | (modes.RECURSIVE if overtakes else modes.SHARED)
            watch.acquire(at, self.key + modes.nested(subclass), mode, nest_lock)
        this.area.preempt_count += 1
        word = self.word.add(_READER)
        if word & _WRITER or (word & _WAITING and not overtakes):
            if word & _WRITER == this.number:
                panic(f"{self.name}@{at:#x} taken for reading by CPU {this.index}, which writes it")
            if watch is not None:
                watch.contended(at)
            begun = host_tsc()
            self._wait_read(this, overtakes=overtakes)
            this.count_wait(self.key & ranks.CLASS_MASK, host_tsc() - begun)
            if watch is not None:
                watch.acquired(at)
        self._note_reader(this, at)

    def try_acquire_read(self) -> bool:
        """Take the lock with other readers if no writer has it or waits for it."""
        this = cpu()
        at = self._checked()
        word = self.word.add(_READER)
        if word & _WRITER or (word & _WAITING and not self._overtakes(this, at)):
            self.word.add(-_READER)
            return False
        this.area.preempt_count += 1
        if this.lockdep is not None:
            this.lockdep.acquire(at, self.key, modes.RWLOCK | modes.SHARED | modes.TRY)
        self._note_reader(this, at)
        return True

    def release_read(self) -> None:
        """Give back one reading."""
        this = cpu()
        at = self.phys
        if this.lockdep is not None:
            this.lockdep.release(at)
        count, since = this.reading.pop(at, (0, 0))
        if not count:
            panic(f"CPU {this.index} does not read the {self.name} lock that it releases")
        if count > 1:
            this.reading[at] = count - 1, since
        self.word.add(-_READER)
        this.count_hold(self.key & ranks.CLASS_MASK, host_tsc() - since)
        this.area.preempt_count -= 1

    def acquire_write(self, *, subclass: int = 0, nest_lock: int = 0) -> None:
        """Take the lock alone, spinning."""
        this = cpu()
        at = self._checked()
        watch = this.lockdep
        if watch is not None:
            watch.acquire(at, self.key + modes.nested(subclass), modes.RWLOCK, nest_lock)
        this.area.preempt_count += 1
        word = self.word.cas(0, this.number)
        if word:
            if word & _WRITER == this.number or at in this.reading:
                panic(f"{self.name}@{at:#x} taken for writing by CPU {this.index}, which has it")
            if watch is not None:
                watch.contended(at)
            begun = host_tsc()
            self._wait_write(this)
            this.count_wait(self.key & ranks.CLASS_MASK, host_tsc() - begun)
            if watch is not None:
                watch.acquired(at)
        self.since = host_tsc()

    def try_acquire_write(self) -> bool:
        """Take the lock alone if it is free."""
        this = cpu()
        at = self._checked()
        if self.word.cas(0, this.number):
            return False
        self.since = host_tsc()
        this.area.preempt_count += 1
        if this.lockdep is not None:
            this.lockdep.acquire(at, self.key, modes.RWLOCK | modes.TRY)
        return True

    def release_write(self) -> None:
        """Give the lock back. Only its writer may."""
        this = cpu()
        if this.lockdep is not None:
            this.lockdep.release(self.phys)
        if not self.is_written():
            panic(f"CPU {this.index} does not write the {self.name} lock that it releases")
        since = self.since
        self.word.add(-this.number)
        this.count_hold(self.key & ranks.CLASS_MASK, host_tsc() - since)
        this.area.preempt_count -= 1

    def read(self, *, irqsave: bool = False) -> Guard:
        """Context manager: the lock held for reading."""
        return Guard(self.name, self.acquire_read, self.release_read, irqsave=irqsave)

    def write(self, *, irqsave: bool = False) -> Guard:
        """Context manager: the lock held for writing."""
        return Guard(self.name, self.acquire_write, self.release_write, irqsave=irqsave)

    def is_written(self) -> bool:
        """Whether this CPU holds the lock for writing."""
        held: bool = self.word.value & _WRITER == cpu().number
        return held

    def is_read(self) -> bool:
        """Whether this CPU holds the lock for reading."""
        return self.phys in cpu().reading

    def assert_held(self, *, write: bool = False) -> None:
        """Panic unless this CPU holds the lock, if asked for writing."""
        if not self.is_written() and (write or not self.is_read()):
            panic(f"CPU {cpu().index} needs the {self.name} lock here")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.key)

    def _checked(self) -> int:
        if not self.key:
            panic("a lock is used before init")
        return self.phys

    def _note_reader(self, this: Cpu, at: int) -> None:
        count, since = this.reading.get(at, (0, 0))
        this.reading[at] = count + 1, since or host_tsc()

    def _overtakes(self, this: Cpu, at: int) -> bool:
        return bool(at in this.reading or this.area.irq_depth or self.prefers_readers)

    def _wait_read(self, this: Cpu, *, overtakes: bool) -> None:
        """Wait as a reader that is counted in the word already."""
        word = self.word
        if not overtakes:
            word.add(-_READER)
            self._take_turn(this)
            word.add(_READER)
        turn = 0
        waits_for.begin(waits_for.RWLOCK, self.phys)
        while word.value & _WRITER:
            relax(turn)
            turn += 1
        waits_for.end()
        if not overtakes:
            self._give_turn(this)

    def _wait_write(self, this: Cpu) -> None:
        word = self.word
        self._take_turn(this)
        word.or_(_WAITING)
        turn = 0
        waits_for.begin(waits_for.RWLOCK, self.phys)
        while word.value != _WAITING or word.cas(_WAITING, this.number) != _WAITING:
            relax(turn)
            turn += 1
        waits_for.end()
        self._give_turn(this)

    def _take_turn(self, this: Cpu) -> None:
        if take(ctypes.addressof(self.turn), this.area_at, this.number):
            spin_wait.wait(self.turn)

    def _give_turn(self, this: Cpu) -> None:
        if give(ctypes.addressof(self.turn), this.area_at, this.number):
            spin_wait.give_over(self.turn)
            this.area.preempt_count -= 1
