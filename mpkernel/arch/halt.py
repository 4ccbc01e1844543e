"""HLT: this CPU sleeps until an interrupt or its timer. And a sleep that other CPUs end by a ring.

A ring is an interrupt without a vector: it carries nothing, and comes as a safepoint that finds
nothing to do.

State: the board. Locks: none may be held by ``halt_until``; ``nap`` is for waiters of locks.
Context: idle; ``nap`` and ``ring``, any.
"""

from hw import clock
from hw.irq import doorbell
from hw.ram import PENDING, PENDING_INTERRUPT
from mpkernel.arch import interrupts, timer
from mpkernel.arch.cpu import cpu


def halt_until(deadline_tsc: int) -> None:
    """Sleep until something is pending for this CPU or the TSC reaches the deadline.

    May return early. Interrupts may be disabled: they still end the sleep, untaken.
    """
    doorbell.halt(cpu().index, deadline_tsc)


def forget_rings() -> None:
    """Make sure that ``nap`` sleeps, whatever came before; the caller then looks once more.

    With interrupts enabled a safepoint does that: it takes what waits. With interrupts off they
    are left to the end of the wait, which calls ``interrupts.ask_again``.
    """
    if interrupts.enabled():
        interrupts.safepoint()
    else:
        PENDING[cpu().index].bits.and_(~PENDING_INTERRUPT)


def nap() -> None:
    """Sleep until a ring or an interrupt that came after ``forget_rings``. May return early."""
    if interrupts.enabled():
        doorbell.halt(cpu().index, timer.deadline_tsc())
        timer.poll()
    else:
        doorbell.halt(cpu().index, clock.NEVER)


def ring(index: int) -> None:
    """End the nap of a CPU, or keep it from the next. The caller has changed what it waits for."""
    pending = doorbell.PENDING_AT[index]
    doorbell.post(index, pending, PENDING_INTERRUPT, PENDING_INTERRUPT)
