"""The scenarios of wound/wait mutexes: a method a case, named after it.

``t`` is the context of the scenario's task, ``t2`` that of another, ``o`` to ``o3`` are the locks.
What must succeed or fail on the way is asserted: then nothing is reported, and the verdict wrong.

State: RAM, scratch memory. Context: as tools.lockdep.sequence.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch.cpu import cpu
from mpkernel.sched.task import Task
from mpkernel.sched.ww_context import WwClass, WwContext
from mpkernel.sched.ww_mutex import WwMutex
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.lockdep.sequence import Scratch, watching

_PREFIX: Final = "ww_test_"


class WoundWait:
    """The locks of one scenario."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._class = _ww_class("ww")
        self.o, self.o2, self.o3 = (self._place(WwMutex) for _ in range(3))
        for mutex in (self.o, self.o2, self.o3):
            mutex.init(self._class)
        self.t, self.t2 = (scratch.place(WwContext) for _ in range(2))
        self.spin = self._spin("A")
        self._other: Task = scratch.place(Task)

    def run(self, case: str) -> Coroutine[Any, Any, None]:
        """Return what a case does."""
        method: Callable[[], Coroutine[Any, Any, None]] = getattr(self, case.removeprefix(_PREFIX))
        return method()

    def _place(self, kind: type[Any]) -> Any:
        return self._scratch.place(kind)

    def _spin(self, name: str) -> Spinlock:
        lock: Spinlock = self._place(Spinlock)
        lock.init(ranks.unranked(name))
        return lock

    @contextmanager
    def _as_other_task(self) -> Iterator[None]:
        """Be another task, which the validator knows apart."""
        area, watch = cpu().area, watching()
        me = area.current
        watch.task_leave(me)
        area.current = self._other.phys
        watch.task_enter(self._other.phys)
        yield
        watch.task_leave(self._other.phys)
        area.current = me
        watch.task_enter(me)

    async def _refused(self, mutex: WwMutex, context: WwContext, error: Errno) -> None:
        got = 0
        try:
            await mutex.acquire(context)
        except SysError as refusal:
            got = refusal.errno
        assert got == error

    # API failures

    async def fail_acquire(self) -> None:
        """Each refusal has its error."""
        self.t.init(self._class)
        await self.o.acquire(self.t)
        await self._refused(self.o, self.t, Errno.EALREADY)
        assert not self.o.try_acquire()
        with self._as_other_task():
            self.t2.init(self._class)
            await self.o3.acquire(self.t2)
            await self._refused(self.o, self.t2, Errno.EDEADLK)
            self.o3.release()
            self.t2.fini()
        self.o.release()
        assert self.o.try_acquire()
        self.o.release()

    async def normal(self) -> None:
        """Without a context it is a plain mutex."""
        for interruptible in (False, True):
            await self.o.acquire(interruptible=interruptible)
            assert not self.o.context
            assert not self.o.try_acquire()
            self.o.release()
        assert self.o.try_acquire()
        assert not self.o.context
        self.o.release()
        await self.o.acquire(nest_lock=self._held_nest())
        assert not self.o.context

    def _held_nest(self) -> int:
        self.spin.try_acquire()
        self.spin.release()
        nest: WwContext = self.t2
        nest.init(self._class)
        return nest.phys

    async def unneeded_slow(self) -> None:
        """Taken slowly without EDEADLK before."""
        self.t.init(self._class)
        await self.o.acquire_slow(self.t)

    # Contexts

    async def two_contexts(self) -> None:
        """Two at once."""
        self.t.init(self._class)
        self.t2.init(self._class)

    async def diff_class(self) -> None:
        """A context of another class."""
        self.t.init(_ww_class("other"))
        await self.o.acquire(self.t)

    async def context_done_twice(self) -> None:
        """Done is said once."""
        self.t.init(self._class)
        self.t.done()
        self.t.done()
        self.t.fini()

    async def context_unlock_twice(self) -> None:
        """It ends once."""
        self.t.init(self._class)
        self.t.done()
        self.t.fini()
        self.t.fini()

    async def context_fini_early(self) -> None:
        """It ends with nothing held."""
        self.t.init(self._class)
        await self.o.acquire(self.t)
        self.t.done()
        self.t.fini()

    async def context_lock_after_done(self) -> None:
        """Done means no more."""
        self.t.init(self._class)
        self.t.done()
        await self.o.acquire(self.t)

    # Objects

    async def object_unlock_twice(self) -> None:
        """Given back once."""
        await self.o.acquire()
        self.o.release()
        self.o.release()

    async def object_lock_unbalanced(self) -> None:
        """A context counts its locks."""
        self.t.init(self._class)
        await self.o.acquire(self.t)
        self.t.acquired = 0
        self.o.release()
        self.t.fini()

    async def object_lock_stale_context(self) -> None:
        """A free lock has no context."""
        self.t.init(self._class)
        self.o.context = self.t2.phys
        await self.o.acquire(self.t)

    # EDEADLK

    async def _deadlock(self, *, keep: bool) -> None:
        """``t`` has o, and got EDEADLK for o2, which is free now."""
        with self._as_other_task():
            self.t2.init(self._class)
            await self.o2.acquire(self.t2)
        self.t.init(self._class)
        await self.o.acquire(self.t)
        await self._refused(self.o2, self.t, Errno.EDEADLK)
        with self._as_other_task():
            self.o2.release()
            self.t2.fini()
        if not keep:
            self.o.release()

    async def edeadlk_normal(self) -> None:
        """As it should be."""
        await self._deadlock(keep=False)
        await self.o2.acquire(self.t)

    async def edeadlk_normal_slow(self) -> None:
        """As it should be."""
        await self._deadlock(keep=False)
        await self.o2.acquire_slow(self.t)

    async def edeadlk_no_unlock(self) -> None:
        """All must be given back first."""
        await self._deadlock(keep=True)
        await self.o2.acquire(self.t)

    async def edeadlk_no_unlock_slow(self) -> None:
        """All must be given back first."""
        await self._deadlock(keep=True)
        await self.o2.acquire_slow(self.t)

    async def edeadlk_acquire_more(self) -> None:
        """No third lock meanwhile."""
        await self._deadlock(keep=True)
        await self.o3.acquire(self.t)

    async def edeadlk_acquire_more_slow(self) -> None:
        """No third lock meanwhile."""
        await self._deadlock(keep=True)
        await self.o3.acquire_slow(self.t)

    async def edeadlk_acquire_more_edeadlk(self) -> None:
        """No third lock meanwhile, held by an older context either."""
        await self._with_o3_of_the_older()
        await self.o3.acquire(self.t)

    async def edeadlk_acquire_more_edeadlk_slow(self) -> None:
        """No third lock meanwhile, held by an older context either."""
        await self._with_o3_of_the_older()
        await self.o3.acquire_slow(self.t)

    async def _with_o3_of_the_older(self) -> None:
        with self._as_other_task():
            self.t2.init(self._class)
            await self.o2.acquire(self.t2)
            await self.o3.acquire(self.t2)
        self.t.init(self._class)
        await self.o.acquire(self.t)
        await self._refused(self.o2, self.t, Errno.EDEADLK)

    async def edeadlk_acquire_wrong(self) -> None:
        """The lock that was refused comes first."""
        await self._deadlock(keep=False)
        await self.o3.acquire(self.t)

    async def edeadlk_acquire_wrong_slow(self) -> None:
        """The lock that was refused comes first."""
        await self._deadlock(keep=False)
        await self.o3.acquire_slow(self.t)

    # Nesting

    async def spin_nest_unlocked(self) -> None:
        """Nested under a lock that is not held."""
        self.spin.acquire(nest_lock=self.o.phys)
        self.spin.release()

    async def spin_nest_lock(self) -> None:
        """Two of a class, nested under one that is held."""
        x, y1, y2 = self._spin("X"), self._spin("Y"), self._spin("Y")
        x.acquire()
        y1.acquire(nest_lock=x.phys)
        self.spin.acquire()
        y2.acquire(nest_lock=x.phys)
        for lock in (self.spin, y2, y1, x):
            lock.release()

    # Two objects: with a context, by trying, or plainly

    async def context_block(self) -> None:
        """First with a context, then without."""
        self.t.init(self._class)
        await self.o.acquire(self.t)
        await self.o2.acquire()

    async def context_try(self) -> None:
        """A try waits for nobody."""
        self.t.init(self._class)
        await self.o.acquire(self.t)
        assert self.o2.try_acquire()

    async def context_context(self) -> None:
        """What contexts are for."""
        self.t.init(self._class)
        await self.o.acquire(self.t)
        await self.o2.acquire(self.t)

    async def try_block(self) -> None:
        """First tried, then without a context."""
        assert self.o.try_acquire()
        await self.o2.acquire()

    async def try_try(self) -> None:
        """A try waits for nobody."""
        assert self.o.try_acquire()
        assert self.o2.try_acquire()

    async def try_context(self) -> None:
        """The first is not the context's."""
        assert self.o.try_acquire()
        self.t.init(self._class)
        await self.o2.acquire(self.t)

    async def block_block(self) -> None:
        """Neither with a context."""
        await self.o.acquire()
        await self.o2.acquire()

    async def block_try(self) -> None:
        """A try waits for nobody."""
        await self.o.acquire()
        assert self.o2.try_acquire()

    async def block_context(self) -> None:
        """The first is not the context's."""
        await self.o.acquire()
        self.t.init(self._class)
        await self.o2.acquire(self.t)

    # Spinlocks

    async def _spin_inside(self) -> None:
        with self.spin:
            pass
        await self.o.acquire()
        with self.spin:
            pass
        self.o.release()

    async def spin_block(self) -> None:
        """A sleeping lock inside a spinning one."""
        await self._spin_inside()
        self.spin.acquire()
        await self.o.acquire()

    async def spin_try(self) -> None:
        """A try does not sleep."""
        await self._spin_inside()
        with self.spin:
            assert self.o.try_acquire()
            self.o.release()

    async def spin_context(self) -> None:
        """A sleeping lock inside a spinning one."""
        await self._spin_inside()
        self.t.init(self._class)
        self.spin.acquire()
        await self.o.acquire(self.t)


def _ww_class(name: str) -> WwClass:
    return WwClass(ranks.unranked(f"{name} lock"), ranks.unranked(f"{name} context"))
