"""An interrupt arrives: count it, run its handler, end it.

    arch.interrupts.take_pending -> handle(vector) -> kernel vector | device's handler -> EOI

State: RAM (counts). Locks: none. Context: interrupt; interrupts are off.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, layout, this_cpu, u64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.arch.vectors import VECTOR_NMI, VECTOR_SPURIOUS
from mpkernel.irq.vectors import HANDLERS, KERNEL_VECTORS, TABLE, VECTORS
from mpkernel.trace import events


@layout()
class InterruptCounts(Layout):
    """How often a CPU took each vector."""

    taken: Annotated[Any, ctypes.c_uint32 * VECTORS, this_cpu]
    unexpected: Annotated[u64, this_cpu]  #: vectors that nobody has


COUNTS: Final = PerCpu(InterruptCounts)


def handle(vector: int) -> None:
    """Do what an accepted interrupt asks for. This is ``Cpu.interrupt_handler``."""
    this = cpu()
    counts = COUNTS.of(this.index)
    counts.taken[vector] += 1
    events.record(events.INTERRUPT_TAKEN, vector)
    if vector == VECTOR_SPURIOUS:
        return  # nothing is being served, so there is nothing to end (SDM vol. 3, 11.9)
    entry = TABLE[vector]
    if entry.handler:
        HANDLERS[entry.handler].run(entry.argument)
    elif vector in KERNEL_VECTORS:
        KERNEL_VECTORS[vector]()
    else:
        counts.unexpected += 1
    if vector != VECTOR_NMI:
        apic = this.apic
        assert apic is not None
        apic.eoi()


def taken(index: int, vector: int) -> int:
    """How often CPU ``index`` took a vector."""
    count: int = COUNTS.of(index).taken[vector]
    return count
