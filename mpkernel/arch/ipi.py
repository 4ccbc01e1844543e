"""Interprocessor interrupts: one write to the interrupt command register, in x2APIC mode.

Nothing is carried but the vector; what it is about stands in RAM. A bit that is already set stays
one interrupt: so receivers look at all that waits.

State: IpiCounts. Locks: none. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.irq.party import PARTIES, core_count
from hw.spec.apic import (
    APIC_BASE_ENABLE,
    APIC_BASE_X2APIC,
    DELIVERY_INIT,
    DELIVERY_MODE,
    DELIVERY_STARTUP,
    ICR_ASSERT,
    ICR_DEST_X2APIC,
    LAPIC_ICR_LOW,
    LAPIC_SVR,
    SVR_ENABLE,
)
from hw.spec.layout import Layout, layout, this_cpu
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.arch.vectors import (
    VECTOR_CALL,
    VECTOR_RESCHEDULE,
    VECTOR_SPURIOUS,
    VECTOR_STOP,
    VECTOR_TLB_FLUSH,
)

#: The first vector of the counted kinds, and how many there are.
_FIRST: Final = VECTOR_RESCHEDULE
KINDS: Final = 4
#: Where a started core would begin in real mode: the page 0x10000 (this board calls the kernel).
_STARTUP_PAGE: Final = 0x10


@layout()
class IpiCounts(Layout):
    """How many IPIs a CPU has sent and taken, by kind (vector - VECTOR_RESCHEDULE)."""

    sent: Annotated[Any, ctypes.c_uint64 * KINDS, this_cpu]
    taken: Annotated[Any, ctypes.c_uint64 * KINDS, this_cpu]


COUNTS: Final = PerCpu(IpiCounts)


def init() -> None:
    """Switch this CPU's local APIC on, in x2APIC mode, so that it can name every id."""
    apic = cpu().apic
    assert apic is not None
    apic.set_base(apic.base() | APIC_BASE_ENABLE | APIC_BASE_X2APIC)
    apic.write_x2apic(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS)


def send(target: int, vector: int) -> None:
    """Interrupt CPU ``target``. Returns at once."""
    this = cpu()
    if this.apic is None:
        return
    COUNTS.of(this.index).sent[vector - _FIRST] += 1
    _command(target, ICR_ASSERT | vector)


def send_vector(target: int, vector: int) -> None:
    """Interrupt CPU ``target`` with a vector that is of no counted kind."""
    _command(target, ICR_ASSERT | vector)


def count_taken(vector: int) -> None:
    """Count an IPI that this CPU takes."""
    COUNTS.of(cpu().index).taken[vector - _FIRST] += 1


def send_reschedule(target: int) -> None:
    """Have a CPU look at its run queue."""
    send(target, VECTOR_RESCHEDULE)


def send_tlb_flush(target: int) -> None:
    """Have a CPU serve TLB shootdowns."""
    send(target, VECTOR_TLB_FLUSH)


def send_call(target: int) -> None:
    """Have a CPU run the functions asked of it."""
    send(target, VECTOR_CALL)


def send_stop_to_others() -> None:
    """Have all other CPUs stop for good."""
    for target in range(core_count()):
        if target != cpu().index:
            send(target, VECTOR_STOP)


def start_core(target: int) -> None:
    """INIT, then STARTUP: the core calls the kernel's entry (AMD APM vol. 2, 15.27.8)."""
    _command(target, DELIVERY_MODE.put(ICR_ASSERT, DELIVERY_INIT))
    _command(target, DELIVERY_MODE.put(ICR_ASSERT | _STARTUP_PAGE, DELIVERY_STARTUP))


def _command(target: int, command: int) -> None:
    apic = cpu().apic
    assert apic is not None
    apic.write_x2apic(LAPIC_ICR_LOW, ICR_DEST_X2APIC.put(0, PARTIES[target].apic_id) | command)
