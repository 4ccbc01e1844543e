"""What locks whose waiters sleep have in common: class and name, and who is told of their waits.

A lock's type says how it is taken and handed on; the validator, the watcher outside the cores, the
statistics and the words of a panic are the same for all, and stand here once.

    self._announce(mode)                     # before the lock is taken
    await self._sleep(self._wait(), state)   # only if it is not free
    self._retire()                           # before it is given back

    async with lock: ...
    async with lock.killable(): ...          # Interrupted, if the task is to die meanwhile

State: fields of the lock itself. Locks: none. Context: task; ``_sleep`` sleeps.
"""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final

from hw.spec.layout import Layout
from mpkernel.abi.errno import SysError
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import host_tsc
from mpkernel.panic import panic
from mpkernel.sched.task import TASK_BLOCKED, current_at, sleep_state
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import modes

#: In ``owner``, beside the task: somebody waits, so the release has to look.
QUEUED: Final = 1


class SleepingLock(Layout):
    """A lock of a class. Has no bytes of its own: who derives says where its fields stand."""

    MODE: ClassVar[int]  #: sync.lockdep.modes: its kind
    WAIT: ClassVar[int]  #: arch.waits_for: a wait for it

    key: int  #: class and subclass, 0 before init
    contended: int  #: times that it was not free
    since: int  #: host TSC when its owner, or writer, took it

    def _set_key(self, key: int) -> None:
        """The last step of ``init``."""
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, key)
        self.key = key

    def _announce(self, mode: int, key: int, nest_lock: int = 0) -> None:
        """The lock is about to be taken, perhaps after a sleep."""
        preempt.might_sleep()
        if not self.key:
            panic(f"a {modes.kind_of(mode).name} is used before init")
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, key, mode, nest_lock)

    def _tried(self, mode: int, nest_lock: int = 0) -> bool:
        """The lock was taken because it was free."""
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.key, mode | modes.TRY, nest_lock)
        return True

    def _retire(self) -> None:
        """The lock is about to be given back, or is not waited for any more."""
        watch = cpu().lockdep
        if watch is not None:
            watch.release(self.phys)

    async def _sleep(self, waiting: Coroutine[Any, Any, None], state: int) -> None:
        """Await ``waiting``, which sleeps in ``state`` until the task has the lock or gives up."""
        this = cpu()
        watch = this.lockdep
        at = self.phys
        self.contended += 1
        if watch is not None:
            watch.contended(at)
        begun = host_tsc()
        is_killable = state != TASK_BLOCKED
        try:
            with waits_for.Asleep(self.WAIT, at, current_at(), is_killable=is_killable):
                await waiting
        except SysError:
            self._retire()
            raise
        this.count_wait(self.key & ranks.CLASS_MASK, host_tsc() - begun)
        if watch is not None:
            watch.acquired(at)

    def _count_hold(self, since: int) -> None:
        """The lock was held since then, and is given back."""
        cpu().count_hold(self.key & ranks.CLASS_MASK, host_tsc() - since)

    def _misused(self, how: str) -> None:
        panic(f"{modes.kind_of(self.MODE).name} {self.name}@{self.phys:#x} {how}")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.key)


class OwnedLock(SleepingLock):
    """A lock that one task has. Taken and given back by one atomic operation if nobody waits."""

    owner: AtomicU64  #: Task, 0 if free; QUEUED
    _wait: Callable[[int], Coroutine[Any, Any, None]]  #: sleep in a state until it is ours
    _hand_on: Callable[[], None]  #: the owner goes, and QUEUED says that somebody waits

    async def acquire(
        self,
        *,
        interruptible: bool = False,
        killable: bool = False,
        subclass: int = 0,
        nest_lock: int = 0,
    ) -> None:
        """Take the lock; sleeps.

        Raises:
            Interrupted: a signal came first (if ``interruptible``), or one that ends the task (if
                ``killable``).
            SysError: EDEADLK, of an rt-mutex: its owner waits for what the current task holds.
        """
        self._announce(self.MODE, self.key + modes.nested(subclass), nest_lock)
        if self.owner.cas(0, current_at()):
            if self.is_held():
                self._misused("taken twice by the same task")
            state = sleep_state(interruptible=interruptible, killable=killable)
            await self._sleep(self._wait(state), state)
        self.since = host_tsc()

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        if self.owner.cas(0, current_at()):
            return False
        self.since = host_tsc()
        return self._tried(self.MODE)

    def release(self) -> None:
        """Give the lock back, and see to who waits for it. Only its owner may."""
        self._retire()
        me = current_at()
        since = self.since
        found = self.owner.cas(me, 0)
        if found != me:
            if found != me | QUEUED:
                self._misused("released by a task that does not hold it")
            self._hand_on()
        self._count_hold(since)

    def killable(self) -> "KillableSection":
        """Async context manager: the lock held; its wait ends if the task is to die."""
        return KillableSection(self)

    def is_held(self) -> bool:
        """Whether the current task holds the lock."""
        return self.owner.value & ~QUEUED == current_at()

    def assert_held(self) -> None:
        """Panic unless the current task holds the lock."""
        if not self.is_held():
            self._misused("is needed here")

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()


class KillableSection:
    """A lock held in a block, if the task is not to die before it has it."""

    __slots__ = ("_lock",)

    def __init__(self, lock: OwnedLock) -> None:
        self._lock = lock

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self._lock.acquire(killable=True)

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()
