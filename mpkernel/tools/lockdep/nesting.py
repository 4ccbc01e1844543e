"""What may be waited for in which context: each pair of the scenarios' group 10, done for real.

The kernel has one kind of RCU and handlers that may take any spinning lock; where Linux has more
(RCU-bh, RCU-sched, handlers that are never threads), the context is only told to the validator.

State: RAM, scratch memory. Context: as tools.lockdep.sequence.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from mpkernel.arch import interrupts
from mpkernel.sched.mutex import Mutex
from mpkernel.sync import ranks, rcu
from mpkernel.sync.lockdep import modes
from mpkernel.sync.raw_spinlock import RawSpinlock
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.lockdep.sequence import Scratch, interrupt, to_the_end, watching

#: Sections that are only told to the validator.
_TOLD: Final = {"RCU_BH": modes.RCU_BH, "RCU_SCHED": modes.RCU_SCHED}
_SPINNING: Final = {"RAW_SPINLOCK": RawSpinlock, "SPINLOCK": Spinlock}


class Nesting:
    """Locks for one pair."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._classes = 0

    async def run(self, outer: str, inner: str) -> None:
        """Enter a context and acquire something inside it."""
        if outer == "HARDIRQ":
            interrupt(lambda: to_the_end(self._acquire(inner)))
        elif outer == "NOTTHREADED_HARDIRQ":
            watch = watching()
            self._told(inner, lambda: watch.irq_enter(raw=True), watch.irq_exit)
        elif outer == "SOFTIRQ":
            watch = watching()
            self._told(inner, watch.deferred_enter, watch.deferred_exit)
        else:
            async with self._held(outer):
                await self._acquire(inner)

    def _told(self, inner: str, enter: Callable[[], None], leave: Callable[[], None]) -> None:
        flag = interrupts.save()
        enter()
        to_the_end(self._acquire(inner))
        leave()
        interrupts.restore(flag)

    async def _acquire(self, what: str) -> None:
        async with self._held(what):
            pass

    @asynccontextmanager
    async def _held(self, what: str) -> AsyncIterator[None]:
        """Hold a lock, or be in a section."""
        self._classes += 1
        lock_class = ranks.unranked(f"{what} {self._classes}")
        if what in _TOLD:
            watching().acquire(lock_class.id, lock_class.id, _TOLD[what] | modes.RECURSIVE)
            yield
            watching().release(lock_class.id)
        elif what in _SPINNING:
            spinning: Spinlock = self._new(_SPINNING[what], lock_class)
            spinning.acquire()
            yield
            spinning.release()
        elif what == "RCU":
            with rcu.read():
                yield
        else:
            async with self._new(Mutex, lock_class):
                yield

    def _new(self, kind: type[Any], lock_class: ranks.LockClass) -> Any:
        lock = self._scratch.place(kind)
        lock.init(lock_class)
        return lock
