"""Which interrupt a core takes next: IRR, ISR and the priorities between them.

    sent -> IRR --accept, if its class is above PPR--> ISR --EOI--> done
    PPR class = the higher of TPR and the highest vector in ISR

``accept`` is what the core calls where hardware would look between instructions.

Spec: Intel SDM vol. 3, 11.8. State: board memory (APICS, PENDING).
Locks: none. Context: the core itself.
"""

import ctypes
from typing import Final

from hw import ram
from hw.irq import acceptance_code, io_apic
from hw.irq.apic_state import (
    APICS,
    EVENT_INIT,
    EVENT_NMI,
    EVENT_STARTUP,
    STARTUP_VECTOR_SHIFT,
    reset,
)
from hw.ram import PENDING_INTERRUPT
from hw.spec.apic import APIC_BASE_BSP, NMI_VECTOR

_MASK: Final = (1 << 64) - 1
_NO_INTERRUPT: Final = _MASK ^ PENDING_INTERRUPT


class CoreReset(BaseException):
    """INIT reached a running core: what it did is over, it waits for STARTUP."""


class Acceptance:
    """What one core's local APIC lets through; holds nothing of its own."""

    __slots__ = ("_at", "_core", "_pending", "_pending_at", "state")

    def __init__(self, core: int) -> None:
        self._core = core
        self.state = APICS[core]
        self._at = ctypes.addressof(self.state)
        self._pending = ram.PENDING[core].bits
        self._pending_at = ctypes.addressof(ram.PENDING[core])

    def ppr(self) -> int:
        """Return the processor priority."""
        return acceptance_code.priority(self.state)

    def accept(self) -> int | None:
        """Take the next interrupt: its vector, or None if nothing may be taken now.

        The vector moves from IRR to ISR and blocks its class and those below until ``eoi``. An NMI
        is vector 2, blocks nothing and gets no EOI.

        Raises:
            CoreReset: INIT reached this core.

        """
        while True:
            vector: int = acceptance_code.native_accept(self._at, self._pending_at)
            if vector != acceptance_code.EVENT:
                return vector or None
            if self._take_event():
                return NMI_VECTOR

    def _take_event(self) -> bool:
        """Take one event; return True for an NMI, False for a STARTUP that came too late."""
        events = self.state.events
        bits = events.load()
        if bits & EVENT_INIT:
            events.and_(_MASK ^ (EVENT_INIT | EVENT_NMI))
            reset(self._core, boot_core=bool(self.state.base & APIC_BASE_BSP))
            self._pending.and_(_NO_INTERRUPT)
            raise CoreReset
        if bits & EVENT_NMI:
            events.and_(_MASK ^ EVENT_NMI)
            return True
        events.and_(_MASK ^ (EVENT_STARTUP | 0xFF << STARTUP_VECTOR_SHIFT))
        return False

    def take_startup(self) -> int | None:
        """Take a STARTUP while waiting for one: its vector, or None."""
        events = self.state.events
        self._pending.and_(_NO_INTERRUPT)
        bits = events.load()
        if bits & EVENT_INIT:
            reset(self._core, boot_core=bool(self.state.base & APIC_BASE_BSP))
        if not bits & EVENT_STARTUP:
            events.and_(_MASK ^ bits)
            return None
        events.and_(_MASK ^ (bits | 0xFF << STARTUP_VECTOR_SHIFT))
        return bits >> STARTUP_VECTOR_SHIFT & 0xFF

    def eoi(self) -> None:
        """End the interrupt of highest priority that is being served."""
        level_triggered = acceptance_code.native_eoi(self._at, self._pending_at)
        if level_triggered:
            io_apic.end_of_interrupt(level_triggered)

    def _priority_fell(self) -> None:
        """Tell the core to look again if something became deliverable."""
        acceptance_code.native_look_again(self._at, self._pending_at)
