"""The clock and the timer of this CPU: the TSC, and the local APIC timer in TSC-deadline mode.

The timer is one deadline. It comes as the interrupt VECTOR_TIMER.

Spec: Intel SDM vol. 3, 11.5.4.1. State: the local APIC. Locks: none; own CPU only. Context: any.
"""

from typing import Final

from hw import clock
from hw.irq import apic_timer
from hw.spec.apic import LAPIC_LVT_TIMER, LVT_TIMER_MODE, TIMER_TSC_DEADLINE
from mpkernel.arch.cpu import cpu
from mpkernel.arch.vectors import VECTOR_TIMER

NEVER: Final = clock.NEVER

now_ns = clock.now_ns
ns_of = clock.ns_of
#: The host's TSC, for lengths of time: one native call.
host_tsc: Final = clock.host_tsc


def init() -> None:
    """Put this CPU's timer into TSC-deadline mode, disarmed."""
    apic = cpu().apic
    assert apic is not None
    entry = LVT_TIMER_MODE.put(VECTOR_TIMER, TIMER_TSC_DEADLINE)
    apic.write_x2apic(LAPIC_LVT_TIMER, entry)


def arm(deadline_ns: int) -> None:
    """Interrupt this CPU at a monotonic time; NEVER disarms. Replaces the last deadline."""
    deadline = NEVER if deadline_ns == NEVER else clock.counts_of(deadline_ns)
    apic_timer.DEADLINES[cpu().index].tsc.value = deadline


def poll() -> None:
    """Raise the timer's interrupt if its time has come."""
    apic_timer.timer_poll(cpu().index)


def deadline_tsc() -> int:
    """The armed deadline in TSC counts, NEVER if there is none."""
    value: int = apic_timer.DEADLINES[cpu().index].tsc.value
    return value
