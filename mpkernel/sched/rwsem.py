"""Read-write semaphore: one writer or many readers; who waits sleeps.

    async with tree.lock.read(): ...
    async with tree.lock.write(): ...

Fair to both: once somebody waits, whoever comes later queues behind. A release gives the lock to
the writer in front, or to all readers up to the next writer. So a task that reads must not take the
lock again: a writer may wait between.

    word:  63..2 readers | 1 QUEUED: somebody waits | 0 WRITER

State: RAM. Locks: GrantQueue.lock inside. Context: task; may sleep.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import host_tsc
from mpkernel.panic import panic
from mpkernel.sched.grant_queue import GrantQueue, grant_locked
from mpkernel.sched.task import current
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass

_WRITER: Final = 1 << 0
_QUEUED: Final = 1 << 1
_READER: Final = 1 << 2

#: Waiter.kind.
_READS: Final = 0
_WRITES: Final = 1


@layout(size=80)
class Rwsem(Layout):
    """The lock's bytes."""

    word: AtomicU64
    writer: Annotated[u64, atomic]  #: Task that holds it for writing
    queue: GrantQueue
    key: Annotated[u32, fixed]  #: class and subclass, 0 before init
    contended: Annotated[u32, atomic]

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        key = lock_class.id + modes.nested(subclass)
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, key)
        self.word.store(0)
        self.writer = 0
        self.queue.init()
        self.key = key

    async def acquire_read(
        self, *, interruptible: bool = False, subclass: int = 0, nest_lock: int = 0
    ) -> None:
        """Take the lock with other readers; sleeps.

        Raises:
            Interrupted: a signal came first (only if ``interruptible``).
        """
        self._announce(modes.RWSEM | modes.SHARED, subclass, nest_lock)
        if not self._read_now():
            await self._wait(_READS, interruptible=interruptible)

    async def acquire_write(
        self, *, interruptible: bool = False, subclass: int = 0, nest_lock: int = 0
    ) -> None:
        """Take the lock alone; sleeps.

        Raises:
            Interrupted: a signal came first (only if ``interruptible``).
        """
        self._announce(modes.RWSEM, subclass, nest_lock)
        if self.word.cas(0, _WRITER):
            if self.is_written():
                panic(f"rw-semaphore {self.name}@{self.phys:#x} taken twice by the same task")
            await self._wait(_WRITES, interruptible=interruptible)
        self.writer = current().phys

    def try_acquire_read(self) -> bool:
        """Take the lock with other readers if nobody writes or waits."""
        return self._read_now() and self._tried(modes.RWSEM | modes.SHARED)

    def try_acquire_write(self) -> bool:
        """Take the lock alone if it is free."""
        if self.word.cas(0, _WRITER):
            return False
        self.writer = current().phys
        return self._tried(modes.RWSEM)

    def release_read(self) -> None:
        """Give back one reading."""
        self._retire()
        word = self.word.add(-_READER)
        if word < _READER:
            panic(f"rw-semaphore {self.name}@{self.phys:#x} released by a reader that is none")
        if word & _QUEUED:
            self._grant()

    def release_write(self) -> None:
        """Give the lock back. Only its writer may."""
        self._retire()
        if not self.is_written():
            panic(f"rw-semaphore {self.name}@{self.phys:#x} released by a task that has it not")
        self.writer = 0
        if self.word.and_(~_WRITER) & _QUEUED:
            self._grant()

    def downgrade(self) -> None:
        """From the writer to a reader, with nobody between; readers that wait in front come in."""
        if not self.is_written():
            panic(f"rw-semaphore {self.name}@{self.phys:#x} downgraded by a task that has it not")
        watch = cpu().lockdep
        if watch is not None:
            watch.downgrade(self.phys, modes.RWSEM | modes.SHARED)
        self.writer = 0
        if self.word.add(_READER - _WRITER) & _QUEUED:
            self._grant()

    def read(self) -> "AsyncGuard":
        """Async context manager: the lock held for reading."""
        return AsyncGuard(self.acquire_read, self.release_read)

    def write(self) -> "AsyncGuard":
        """Async context manager: the lock held for writing."""
        return AsyncGuard(self.acquire_write, self.release_write)

    def is_written(self) -> bool:
        """Whether the current task holds the lock for writing."""
        return self.writer == current().phys

    def assert_held(self, *, write: bool = False) -> None:
        """Panic unless the current task writes; if not asked for that, unless somebody reads."""
        if not self.is_written() and (write or self.word.value < _READER):
            panic(f"the {self.name} rw-semaphore is needed here")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.key)

    def _announce(self, mode: int, subclass: int, nest_lock: int) -> None:
        preempt.might_sleep()
        if not self.key:
            panic("a rw-semaphore is used before init")
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.key + modes.nested(subclass), mode, nest_lock)

    def _tried(self, mode: int) -> bool:
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.key, mode | modes.TRY)
        return True

    def _retire(self) -> None:
        watch = cpu().lockdep
        if watch is not None:
            watch.release(self.phys)

    def _read_now(self) -> bool:
        """One reader more, unless somebody writes or waits."""
        word = self.word.value
        while not word & (_WRITER | _QUEUED):
            seen = self.word.cas(word, word + _READER)
            if seen == word:
                return True
            word = seen
        return False

    async def _wait(self, kind: int, *, interruptible: bool) -> None:
        this = cpu()
        begun = host_tsc()
        self.contended += 1
        watch = this.lockdep
        if watch is not None:
            watch.contended(self.phys)
        with self.queue.lock.irqsave():
            self.queue.append_locked(current(), kind)
            self.word.or_(_QUEUED)
            self._grant_locked()  # the last holder may have gone before QUEUED was there to see
        try:
            with waits_for.Asleep(
                waits_for.RWSEM, self.phys, current().phys, is_killable=interruptible
            ):
                await self.queue.granted(interruptible=interruptible)
        except Interrupted:
            self._retire()
            self._grant()  # those behind may have waited only for this one
            raise
        this.count_wait(self.key & 0xFFFF, host_tsc() - begun)
        if watch is not None:
            watch.acquired(self.phys)

    def _grant(self) -> None:
        with self.queue.lock.irqsave():
            self._grant_locked()

    def _grant_locked(self) -> None:
        """Give the lock to those in front who may have it now. QUEUED keeps others out."""
        while (first := self.queue.first_locked()) is not None:
            word = self.word.value
            if word & _WRITER or (first.kind == _WRITES and word >= _READER):
                return
            self.word.add(_WRITER if first.kind == _WRITES else _READER)
            grant_locked(first)
        self.word.and_(~_QUEUED)


class AsyncGuard:
    """Calls ``enter`` and ``leave`` around a block."""

    __slots__ = ("_enter", "_leave")

    def __init__(self, enter: Callable[[], Awaitable[None]], leave: Callable[[], None]) -> None:
        self._enter = enter
        self._leave = leave

    async def __aenter__(self) -> None:
        await self._enter()

    async def __aexit__(self, *_: object) -> None:
        self._leave()
