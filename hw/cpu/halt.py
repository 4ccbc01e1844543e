"""HLT, MONITOR and MWAIT: a core that waits, and for what.

HLT sleeps on the core's doorbell until an interrupt. MWAIT waits for a store to a line, too, and no
other core tells of its stores: so it sleeps in naps that grow, and looks at the line between them.

Spec: AMD64 APM vol. 3, HLT MONITOR MWAIT. State: CpuState, the line in RAM.
Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw import clock, ram
from hw.cpu.state import LINE
from hw.irq import doorbell
from hw.irq.apic_state import DEADLINES
from hw.ram import PENDING, PENDING_INTERRUPT

if TYPE_CHECKING:
    from hw.cpu.core import Core

#: Values of ``CpuState.halted``, 0 if the core runs.
HALTED_HLT: Final = 1
HALTED_MWAIT: Final = 2
#: As before, and an interrupt ends the wait also while RFLAGS.IF is 0.
HALTED_MWAIT_MASKED: Final = 3
_FIRST_NAP_NS: Final = 20_000
_LONGEST_NAP_NS: Final = 1_000_000


def arm(core: "Core", place: int) -> None:
    """Watch the line of a physical address."""
    line = place & -LINE
    core.state.monitor = line | 1
    core.state.monitor_line[:] = ram.read(line, LINE)


def wait(core: "Core", *, masked: bool) -> None:
    """Wait for the armed line, if one is; ``masked``: held-back interrupts end the wait, too."""
    state = core.state
    if state.monitor and not _was_written(core):
        state.halted = HALTED_MWAIT_MASKED if masked else HALTED_MWAIT
    else:
        state.monitor = 0


def _was_written(core: "Core") -> bool:
    state = core.state
    return ram.read(state.monitor & ~1, LINE) != bytes(state.monitor_line)


def sleep(core: "Core") -> None:
    """Sleep while the core is halted and no interrupt asks for it; may return early."""
    state = core.state
    if state.halted == HALTED_HLT:
        doorbell.halt(core.index, DEADLINES[core.index].tsc.load())
        return
    nap_ns = _FIRST_NAP_NS
    while not PENDING[core.index].bits.load() & PENDING_INTERRUPT:
        masked = state.held and state.halted == HALTED_MWAIT_MASKED
        if masked or _was_written(core):
            state.halted = state.monitor = 0
            return
        now, deadline = clock.tsc(), DEADLINES[core.index].tsc.load()
        if deadline <= now:
            return
        doorbell.halt(core.index, min(deadline, now + clock.counts_of(nap_ns)))
        nap_ns = min(2 * nap_ns, _LONGEST_NAP_NS)
