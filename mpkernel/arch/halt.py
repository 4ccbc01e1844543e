"""HLT: this CPU sleeps until an interrupt or its timer.

State: the board. Locks: none may be held. Context: idle.
"""

from hw.irq import doorbell
from hw.spec.watch import PLACE, WATCHING
from mpkernel.arch.cpu import cpu


def halt_until(deadline_tsc: int) -> None:
    """Sleep until something is pending for this CPU or the TSC reaches the deadline.

    May return early. Interrupts may be disabled: they still end the sleep, untaken.
    """
    if WATCHING:
        PLACE.observer.halt(cpu().index)
    else:
        doorbell.halt(cpu().index, deadline_tsc)
