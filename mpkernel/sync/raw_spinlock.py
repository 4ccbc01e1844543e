"""Raw spinlock: a spinlock that is one in every context, scheduler and handlers included.

It differs from Spinlock in what the validator allows while it is held: only other raw locks. So
what is guarded by it stays short, and a kernel whose spinlocks slept could keep it as it is.

State: RAM. Locks: order by mpkernel.sync.ranks. Context: any.
"""

from typing import ClassVar

from hw.spec.layout import layout
from mpkernel.sync.lockdep import modes
from mpkernel.sync.spinlock import Spinlock


@layout(size=40)
class RawSpinlock(Spinlock):
    """A Spinlock of the most demanding wait type."""

    KIND: ClassVar[int] = modes.RAW_SPIN
