"""Which interrupt a core takes next: IRR, ISR and the priorities between them.

    sent -> IRR --accept, if its class is above PPR--> ISR --EOI--> done
    PPR class = the higher of TPR and the highest vector in ISR

``accept`` is what the core calls where hardware would look between instructions.

Spec: Intel SDM vol. 3, 11.8. State: board memory (APICS, PENDING).
Locks: none. Context: the core itself.
"""

from typing import Final

from hw import atomics, ram
from hw.irq import io_apic
from hw.irq.apic_state import (
    APICS,
    EVENT_INIT,
    EVENT_NMI,
    EVENT_STARTUP,
    STARTUP_VECTOR_SHIFT,
    LocalApicState,
    reset,
)
from hw.ram import PENDING_INTERRUPT
from hw.spec.apic import APIC_BASE_BSP, NMI_VECTOR

_MASK: Final = (1 << 64) - 1
_NO_INTERRUPT: Final = _MASK ^ PENDING_INTERRUPT
_CLASS: Final = 0xF0


class CoreReset(BaseException):
    """INIT reached a running core: what it did is over, it waits for STARTUP."""


def _highest(word3: int, word2: int, word1: int, word0: int) -> int:
    """Return the highest vector set in four words, 0 for none (vector 0 cannot be sent)."""
    if word3:
        return 191 + word3.bit_length()
    if word2:
        return 127 + word2.bit_length()
    if word1:
        return 63 + word1.bit_length()
    return word0.bit_length() - 1 if word0 else 0


class Acceptance:
    """What one core's local APIC lets through; holds nothing of its own."""

    __slots__ = ("_core", "_irr_at", "_pending", "state")

    def __init__(self, core: int) -> None:
        self._core = core
        self.state = APICS[core]
        self._irr_at = self.state.phys + LocalApicState.offset_of("irr0")
        self._pending = ram.PENDING[core].bits

    def ppr(self) -> int:
        """Return the processor priority."""
        state = self.state
        served = _highest(state.isr3, state.isr2, state.isr1, state.isr0)
        tpr = state.tpr
        return tpr if tpr & _CLASS >= served & _CLASS else served & _CLASS

    def _requested(self) -> int:
        state = self.state
        return _highest(state.irr3, state.irr2, state.irr1, state.irr0)

    def accept(self) -> int | None:
        """Take the next interrupt: its vector, or None if nothing may be taken now.

        The vector moves from IRR to ISR and blocks its class and those below until ``eoi``. An NMI
        is vector 2, blocks nothing and gets no EOI.

        Raises:
            CoreReset: INIT reached this core.

        """
        while True:
            if self.state.events.value:
                if self._take_event():
                    return NMI_VECTOR
                continue
            vector = self._requested()
            if vector and vector & _CLASS > self.ppr() & _CLASS:
                break
            # Nothing for now: lower the flag, then look again for what came in between.
            self._pending.and_(_NO_INTERRUPT)
            vector = self._requested()
            if self.state.events.value or (vector and vector & _CLASS > self.ppr() & _CLASS):
                self._pending.or_(PENDING_INTERRUPT)
                continue
            return None
        name = f"isr{vector >> 6}"
        bit = 1 << (vector & 63)
        atomics.and64(self._irr_at + (vector >> 6 << 3), _MASK ^ bit)
        setattr(self.state, name, getattr(self.state, name) | bit)
        return vector

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
        state = self.state
        vector = _highest(state.isr3, state.isr2, state.isr1, state.isr0)
        if not vector:
            return
        word, bit = vector >> 6, 1 << (vector & 63)
        setattr(state, f"isr{word}", getattr(state, f"isr{word}") & ~bit)
        if getattr(state, f"tmr{word}") & bit:
            io_apic.end_of_interrupt(vector)
        self._priority_fell()

    def _priority_fell(self) -> None:
        """Tell the core to look again if something became deliverable."""
        vector = self._requested()
        if vector and vector & _CLASS > self.ppr() & _CLASS:
            self._pending.or_(PENDING_INTERRUPT)
