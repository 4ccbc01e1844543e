"""The state of each core's local APIC, and its timer's deadline.

    IRR  asked for: set by whoever sends, cleared by the core that accepts
    ISR  being served: the core's own
    TMR  which of them came by a level line and must tell the I/O APIC when served

State: board memory. Locks: none: IRR, TMR, EVENTS and ESR by atomics, the rest by its own core.
Context: any.
"""

from typing import Annotated, Final

from hw import ram
from hw.atomics import AtomicU32, AtomicU64
from hw.spec.apic import (
    APIC_BASE_BSP,
    APIC_BASE_ENABLE,
    LVT_MASKED,
)
from hw.spec.layout import Layout, atomic, layout, this_cpu, u32, u64
from hw.spec.memory_map import LOCAL_APIC_BASE, MAX_CPUS

#: Bits of ``events``: what is no vector. A STARTUP carries its vector in bits 15 to 8.
EVENT_NMI: Final = 1 << 0
EVENT_INIT: Final = 1 << 1
EVENT_STARTUP: Final = 1 << 2
STARTUP_VECTOR_SHIFT: Final = 8


@layout(size=192)
class LocalApicState(Layout):
    """Registers of one local APIC. Words hold vectors 0 to 63, 64 to 127, ..."""

    irr0: Annotated[u64, atomic]
    irr1: Annotated[u64, atomic]
    irr2: Annotated[u64, atomic]
    irr3: Annotated[u64, atomic]
    tmr0: Annotated[u64, atomic]
    tmr1: Annotated[u64, atomic]
    tmr2: Annotated[u64, atomic]
    tmr3: Annotated[u64, atomic]
    isr0: Annotated[u64, this_cpu]
    isr1: Annotated[u64, this_cpu]
    isr2: Annotated[u64, this_cpu]
    isr3: Annotated[u64, this_cpu]
    events: AtomicU64  #: EVENT_*
    base: Annotated[u64, this_cpu]  #: MSR_APIC_BASE
    icr: Annotated[u64, this_cpu]
    errors: AtomicU32  #: ESR bits since the last write to ESR
    esr: Annotated[u32, this_cpu]  #: what ESR shows
    tpr: Annotated[u32, atomic]
    svr: Annotated[u32, atomic]
    ldr: Annotated[u32, atomic]
    dfr: Annotated[u32, atomic]
    lvt_timer: Annotated[u32, this_cpu]
    lvt_thermal: Annotated[u32, this_cpu]
    lvt_perf: Annotated[u32, this_cpu]
    lvt_lint0: Annotated[u32, this_cpu]
    lvt_lint1: Annotated[u32, this_cpu]
    lvt_error: Annotated[u32, this_cpu]
    timer_initial: Annotated[u32, this_cpu]
    timer_divide: Annotated[u32, this_cpu]
    timer_start_tsc: Annotated[u64, this_cpu]  #: when the initial count was written
    startup_vector: Annotated[u64, this_cpu]  #: of the last STARTUP that was taken


@layout(size=8)
class DeadlineWord(Layout):
    """TSC at which a core's timer fires; clock.NEVER if it does not run."""

    tsc: AtomicU64


APICS: Final = ram.BOARD.place_array(LocalApicState, MAX_CPUS)
DEADLINES: Final = ram.BOARD.place_array(DeadlineWord, MAX_CPUS)


def reset(core: int, *, boot_core: bool) -> None:
    """Put a local APIC into its state after power-on or INIT (SDM vol. 3, 11.4.7)."""
    state = APICS[core]
    for word in range(4):
        for register in ("irr", "tmr", "isr"):
            setattr(state, f"{register}{word}", 0)
    state.base = LOCAL_APIC_BASE | APIC_BASE_ENABLE | (APIC_BASE_BSP if boot_core else 0)
    state.icr = state.esr = state.tpr = state.ldr = 0
    state.errors.store(0)
    state.svr = 0xFF
    state.dfr = 0xFFFF_FFFF
    for name in ("timer", "thermal", "perf", "lint0", "lint1", "error"):
        setattr(state, f"lvt_{name}", LVT_MASKED)
    state.timer_initial = state.timer_divide = 0
    state.timer_start_tsc = 0
    DEADLINES[core].tsc.store((1 << 64) - 1)
