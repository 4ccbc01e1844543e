"""Read-write semaphore: one writer or many readers; who waits sleeps.

    async with tree.lock.read(): ...
    async with tree.lock.write(): ...

Fair to both: once somebody waits, whoever comes later queues behind. A release gives the lock to
the writer in front, or to all readers up to the next writer. So a task that reads must not take the
lock again: a writer may wait between.

    word:  63..2 readers | 1 QUEUED: somebody waits | 0 WRITER

State: RAM, and Cpu.rwsems (private). Locks: GrantQueue.lock inside. Context: task; may sleep.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, ClassVar, Final

from hw.spec.layout import atomic, fixed, layout, statistic, u32, u64
from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import host_tsc
from mpkernel.sched.grant_queue import GrantQueue, grant_locked
from mpkernel.sched.sleeping_lock import SleepingLock
from mpkernel.sched.task import current, current_at, sleep_state
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass

_WRITER: Final = 1 << 0
_QUEUED: Final = 1 << 1
_READER: Final = 1 << 2

_SHARED: Final = modes.RWSEM | modes.SHARED
#: Waiter.kind.
_READS: Final = 0
_WRITES: Final = 1


@layout(size=88)
class Rwsem(SleepingLock):
    """The lock's bytes."""

    MODE: ClassVar[int] = modes.RWSEM
    WAIT: ClassVar[int] = waits_for.RWSEM

    word: AtomicU64
    writer: Annotated[u64, atomic]  #: Task that holds it for writing
    queue: GrantQueue
    key: Annotated[u32, fixed]  #: class and subclass, 0 before init
    contended: Annotated[u32, atomic]
    since: Annotated[u64, statistic]

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        self.word.store(0)
        self.writer = 0
        self.queue.init()
        self._set_key(lock_class.id + modes.nested(subclass))

    async def acquire_read(
        self,
        *,
        interruptible: bool = False,
        killable: bool = False,
        subclass: int = 0,
        nest_lock: int = 0,
    ) -> None:
        """Take the lock with other readers; sleeps.

        Raises:
            Interrupted: a signal came first (if ``interruptible``), or one that ends the task (if
                ``killable``).
        """
        self._announce(_SHARED, self.key + modes.nested(subclass), nest_lock)
        if not self._read_now():
            await self._wait(_READS, sleep_state(interruptible=interruptible, killable=killable))
        self._note_reader()

    async def acquire_write(
        self,
        *,
        interruptible: bool = False,
        killable: bool = False,
        subclass: int = 0,
        nest_lock: int = 0,
    ) -> None:
        """Take the lock alone; sleeps.

        Raises:
            Interrupted: a signal came first (if ``interruptible``), or one that ends the task (if
                ``killable``).
        """
        self._announce(self.MODE, self.key + modes.nested(subclass), nest_lock)
        if self.word.cas(0, _WRITER):
            if self.is_written():
                self._misused("taken twice by the same task")
            await self._wait(_WRITES, sleep_state(interruptible=interruptible, killable=killable))
        self.writer = current_at()
        self.since = host_tsc()

    def try_acquire_read(self) -> bool:
        """Take the lock with other readers if nobody writes or waits."""
        if not self._read_now():
            return False
        self._note_reader()
        return self._tried(_SHARED)

    def try_acquire_write(self) -> bool:
        """Take the lock alone if it is free."""
        if self.word.cas(0, _WRITER):
            return False
        self.writer = current_at()
        self.since = host_tsc()
        return self._tried(self.MODE)

    def release_read(self) -> None:
        """Give back one reading. Only a reader may."""
        self._retire()
        reads = cpu().rwsems.get(current_at(), {})
        count, since = reads.pop(self.phys, (0, 0))
        if not count:
            self._misused("released by a reader that is none")
        if count > 1:
            reads[self.phys] = count - 1, since
        if self.word.add(-_READER) & _QUEUED:
            self._grant()
        self._count_hold(since)

    def release_write(self) -> None:
        """Give the lock back. Only its writer may."""
        self._retire()
        if not self.is_written():
            self._misused("released by a task that does not hold it")
        self.writer = 0
        since = self.since
        if self.word.and_(~_WRITER) & _QUEUED:
            self._grant()
        self._count_hold(since)

    def downgrade(self) -> None:
        """From the writer to a reader, with nobody between; readers that wait in front come in."""
        if not self.is_written():
            self._misused("downgraded by a task that does not hold it")
        watch = cpu().lockdep
        if watch is not None:
            watch.downgrade(self.phys, _SHARED)
        self._count_hold(self.since)
        self.writer = 0
        self._note_reader()
        if self.word.add(_READER - _WRITER) & _QUEUED:
            self._grant()

    def read(self, *, killable: bool = False) -> "AsyncGuard":
        """Async context manager: the lock held for reading."""
        return AsyncGuard(partial(self.acquire_read, killable=killable), self.release_read)

    def write(self, *, killable: bool = False) -> "AsyncGuard":
        """Async context manager: the lock held for writing."""
        return AsyncGuard(partial(self.acquire_write, killable=killable), self.release_write)

    def is_written(self) -> bool:
        """Whether the current task holds the lock for writing."""
        return self.writer == current_at()

    def is_read(self) -> bool:
        """Whether the current task holds the lock for reading."""
        return self.phys in cpu().rwsems.get(current_at(), ())

    def assert_held(self, *, write: bool = False) -> None:
        """Panic unless the current task holds the lock, if asked for writing."""
        if not self.is_written() and (write or not self.is_read()):
            self._misused("is needed here")

    def _note_reader(self) -> None:
        """The current task reads: told to the watcher when it sleeps."""
        reads = cpu().rwsems.setdefault(current_at(), {})
        count, since = reads.get(self.phys, (0, 0))
        reads[self.phys] = count + 1, since or host_tsc()

    def _read_now(self) -> bool:
        """One reader more, unless somebody writes or waits."""
        word = self.word.value
        while not word & (_WRITER | _QUEUED):
            seen = self.word.cas(word, word + _READER)
            if seen == word:
                return True
            word = seen
        return False

    async def _wait(self, kind: int, state: int) -> None:
        with self.queue.lock.irqsave():
            self.queue.append_locked(current(), kind)
            self.word.or_(_QUEUED)
            self._grant_locked()  # the last holder may have gone before QUEUED was there to see
        try:
            await self._sleep(self.queue.granted(state), state)
        except Interrupted:
            self._grant()  # those behind may have waited only for this one
            raise

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

    def __aenter__(self) -> Awaitable[None]:
        return self._enter()

    async def __aexit__(self, *_: object) -> None:
        self._leave()
