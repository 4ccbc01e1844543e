"""Reference count: an atomic cell that refuses to rise from zero or to fall below it.

State: RAM. Locks: none. Context: any.
"""

from hw.spec.layout import layout
from mpkernel.arch.atomics import AtomicU32
from mpkernel.panic import panic


@layout(size=4)
class Refcount(AtomicU32):
    """References to an object; its last user frees it."""

    def get(self) -> None:
        """One more reference. The caller has one."""
        if self.add(1) == 0:
            panic("reference taken to an object that is gone")

    def get_unless_zero(self) -> bool:
        """One more reference, if the object still has any: for look-ups without a reference."""
        old = self.value
        while old:
            seen = self.cas(old, old + 1)
            if seen == old:
                return True
            old = seen
        return False

    def put(self) -> bool:
        """One less; True if it was the last: the caller frees the object."""
        old = self.add(-1)
        if old == 0:
            panic("reference dropped twice")
        return old == 1
