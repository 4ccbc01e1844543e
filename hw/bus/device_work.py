"""What waits for the device process: one word, a bit for each thing that may have work for it.

State: board memory (WORK). Locks: none; bits by atomics. Context: any process posts, one takes.
"""

from typing import Final

from hw import ram
from hw.atomics import AtomicU64
from hw.irq import doorbell
from hw.irq.party import DEVICE_PARTY
from hw.spec.layout import Layout, layout

#: Bits 0 to 31: the PCI function in that slot was notified or reset.
HPET_BIT: Final = 32


@layout(size=8)
class WorkWord(Layout):
    """Bits of the things that have work."""

    bits: AtomicU64


WORK: Final = ram.BOARD.place(WorkWord)


def post(bit: int) -> None:
    """Tell the device process that this thing has work."""
    WORK.bits.or_(1 << bit)
    doorbell.ring(DEVICE_PARTY)


def take() -> int:
    """Take all bits; called by the device process, before it looks for the work itself."""
    return WORK.bits.xchg(0)
