"""A lock of the hardware: one word, test and set, for register models.

Why: a register model is run by whichever core makes the access. The lock belongs to the board, not
to the kernel: it is held for microseconds, never across a safepoint, and lockdep does not see it.

State: board memory. Locks: this one. Context: any process of the machine; not recursive.
"""

import os
from typing import Final

from hw import host
from hw.atomics import AtomicU64
from hw.spec.layout import Layout, layout

_SPINS_BEFORE_YIELD: Final = 20


@layout(size=8)
class RawLock(Layout):
    """Taken with ``with``; holds the pid of its holder, 0 if free."""

    holder: AtomicU64

    def __enter__(self) -> None:
        me = os.getpid()
        holder = self.holder
        assert holder.value != me, "a lock of the board is not recursive"
        spins = 0
        while holder.cas(0, me):
            spins += 1
            if spins > _SPINS_BEFORE_YIELD:
                host.sched_yield()

    def __exit__(self, *_: object) -> None:
        self.holder.store(0)
