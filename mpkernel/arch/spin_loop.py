"""What each loop that spins does at each turn.

State: none. Locks: none. Context: any; a safepoint.
"""

import os
from typing import Final

from hw.spec.watch import PLACE, TAKING_TURNS, WATCHING
from mpkernel.arch.cpu import cpu
from mpkernel.arch.interrupts import safepoint

#: Turns of a spin loop before a waiter gives its host CPU away at each turn.
SPINS_BEFORE_YIELD: Final = 20


def relax(turn: int) -> None:
    """One turn of a spin loop: let an interrupt in, give the host CPU away after a while."""
    if WATCHING:
        area = cpu().area
        taken = area.interrupts
        safepoint()
        if area.interrupts == taken:  # else a handler may have changed what is waited for
            PLACE.observer.relax()
        return
    safepoint()
    if TAKING_TURNS:
        PLACE.observer.relax()
    elif turn >= SPINS_BEFORE_YIELD:
        os.sched_yield()
