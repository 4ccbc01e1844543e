"""Reference count: an atomic cell that refuses to rise from zero or to fall below it.

A count that would wrap stays where it is for ever instead (SATURATED): an object that is never
freed is a leak, one that is freed too early is somebody else's memory.

    0 gone | 1 .. SATURATED - 1 references | SATURATED .. never freed, whatever is put

State: RAM. Locks: none. Context: any.
"""

from typing import Final

from hw.spec.layout import layout
from mpkernel.arch.atomics import AtomicU32
from mpkernel.panic import panic
from mpkernel.sync.spinlock import Spinlock

#: Half way: so far from both ends that CPUs which add at the same time cannot reach them.
SATURATED: Final = 1 << 31
_PINNED: Final = SATURATED + (SATURATED >> 1)


@layout(size=4)
class Refcount(AtomicU32):
    """References to an object; its last user frees it."""

    def get(self) -> None:
        """One more reference. The caller has one."""
        old = self.add(1)
        if old == 0:
            panic("reference taken to an object that is gone")
        if old >= SATURATED - 1:
            self.store(_PINNED)

    def get_unless_zero(self) -> bool:
        """One more reference, if the object still has any: for look-ups without a reference."""
        old = self.value
        while old:
            new = old + 1 if old < SATURATED - 1 else _PINNED
            seen = self.cas(old, new)
            if seen == old:
                return True
            old = seen
        return False

    def put(self) -> bool:
        """One less; True if it was the last: the caller frees the object."""
        old = self.add(-1)
        if old == 0:
            panic("reference dropped twice")
        if old >= SATURATED:
            self.store(_PINNED)
        return old == 1

    def put_unless_last(self) -> bool:
        """One less, unless it is the last one: then False, and nothing is done."""
        old = self.value
        while old != 1:
            if old == 0:
                panic("reference dropped twice")
            if old >= SATURATED:
                return True
            seen = self.cas(old, old - 1)
            if seen == old:
                return True
            old = seen
        return False

    def put_and_lock(self, lock: Spinlock) -> bool:
        """One less; True, with ``lock`` held, if it was the last.

        For objects that are found through a table: under its lock nobody can find one between its
        last reference and its removal.
        """
        if self.put_unless_last():
            return False
        lock.acquire()
        if self.put():
            return True
        lock.release()
        return False

    @property
    def is_saturated(self) -> bool:
        """Whether the count has overflown, and means nothing any more."""
        return bool(self.value >= SATURATED)
