"""The timer of a local APIC: one-shot, periodic and TSC-deadline.

It is a deadline, not a counter: the word DEADLINES[core] holds the TSC at which it fires. The
core's native loop compares the TSC with it, a halted core sleeps until it, and ``timer_poll``
fires what is due. Periods that passed while the host ran somebody else are one tick.

Spec: Intel SDM vol. 3, 11.5.4. State: board memory (APICS, DEADLINES).
Locks: none; touched by its own core only. Context: that core.
"""

from typing import Final

from hw import clock
from hw.irq import delivery
from hw.irq.apic_state import APICS, DEADLINES
from hw.spec.apic import (
    APIC_TIMER_HZ,
    DELIVERY_FIXED,
    LVT_MASKED,
    LVT_TIMER_MODE,
    TIMER_PERIODIC,
    TIMER_TSC_DEADLINE,
    VECTOR,
    timer_divisor,
)

__all__ = ["DEADLINES", "current_count", "set_deadline", "set_initial", "timer_poll"]

_MIN_PERIOD_TSC: Final = 1


def _period_tsc(core: int) -> int:
    """Return the TSC counts from the initial count to 0."""
    state = APICS[core]
    ticks = state.timer_initial * timer_divisor(state.timer_divide)
    return max(ticks * clock.CLOCK.tsc_hz // APIC_TIMER_HZ, _MIN_PERIOD_TSC)


def mode_changed(core: int) -> None:
    """Stop the timer: its LVT entry was given another mode (SDM: a change disarms it)."""
    DEADLINES[core].tsc.value = clock.NEVER
    APICS[core].timer_initial = 0


def set_initial(core: int, count: int) -> None:
    """Start counting down from ``count``; 0 stops. Ignored in TSC-deadline mode."""
    state = APICS[core]
    if LVT_TIMER_MODE.get(state.lvt_timer) == TIMER_TSC_DEADLINE:
        return
    state.timer_initial = count
    state.timer_start_tsc = now = clock.tsc()
    DEADLINES[core].tsc.value = now + _period_tsc(core) if count else clock.NEVER


def divide_changed(core: int) -> None:
    """Let a running count go on with the new divider, from now."""
    current = APICS[core].timer_initial
    if current and DEADLINES[core].tsc.value != clock.NEVER:
        set_initial(core, current)


def current_count(core: int) -> int:
    """Return what the current-count register shows."""
    state = APICS[core]
    deadline = DEADLINES[core].tsc.value
    if deadline == clock.NEVER or LVT_TIMER_MODE.get(state.lvt_timer) == TIMER_TSC_DEADLINE:
        return 0
    left_tsc = max(deadline - clock.tsc(), 0)
    ticks = left_tsc * APIC_TIMER_HZ // clock.CLOCK.tsc_hz
    return min(ticks // timer_divisor(state.timer_divide), state.timer_initial)


def set_deadline(core: int, deadline_tsc: int) -> None:
    """Write IA32_TSC_DEADLINE; 0 disarms. Ignored outside TSC-deadline mode."""
    if LVT_TIMER_MODE.get(APICS[core].lvt_timer) == TIMER_TSC_DEADLINE:
        DEADLINES[core].tsc.value = deadline_tsc or clock.NEVER


def deadline(core: int) -> int:
    """Read IA32_TSC_DEADLINE: 0 once it has fired."""
    value = DEADLINES[core].tsc.value
    if value == clock.NEVER or LVT_TIMER_MODE.get(APICS[core].lvt_timer) != TIMER_TSC_DEADLINE:
        return 0
    return value


def timer_poll(core: int) -> bool:
    """Fire the timer if its deadline has come; return whether it had."""
    word = DEADLINES[core].tsc
    due = word.value
    now = clock.tsc()
    if due > now:
        return False
    state = APICS[core]
    entry = state.lvt_timer
    if LVT_TIMER_MODE.get(entry) == TIMER_PERIODIC:
        period = _period_tsc(core)
        word.value = due + ((now - due) // period + 1) * period
    else:
        word.value = clock.NEVER
    if not entry & LVT_MASKED:
        delivery.deliver(core, DELIVERY_FIXED, VECTOR.get(entry))
    return True
