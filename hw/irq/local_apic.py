"""The local APIC of a core: its registers, and which interrupt the core takes next.

    sent -> IRR --accept, if its class is above PPR--> ISR --EOI--> done
    PPR class = the higher of TPR and the highest vector in ISR

``accept`` is what the core calls where hardware would look between instructions.

Spec: Intel SDM vol. 3, chapter 11. State: board memory (APICS, PENDING).
Locks: none; only its own core reads and writes registers. Context: that core.
"""

from collections.abc import Callable
from typing import Final

from hw import atomics, ram
from hw.irq import apic_timer, delivery, icr, io_apic
from hw.irq.apic_state import (
    APICS,
    EVENT_INIT,
    EVENT_NMI,
    EVENT_STARTUP,
    STARTUP_VECTOR_SHIFT,
    LocalApicState,
    reset,
)
from hw.irq.party import PARTIES
from hw.ram import PENDING_INTERRUPT
from hw.spec.apic import (
    APIC_BASE_BSP,
    APIC_BASE_ENABLE,
    APIC_BASE_X2APIC,
    DELIVERY_FIXED,
    ESR_ILLEGAL_REGISTER,
    ICR_DELIVERY_PENDING,
    LAPIC_APR,
    LAPIC_DFR,
    LAPIC_EOI,
    LAPIC_ESR,
    LAPIC_ICR_HIGH,
    LAPIC_ICR_LOW,
    LAPIC_ID,
    LAPIC_IRR,
    LAPIC_ISR,
    LAPIC_LDR,
    LAPIC_LVT_ERROR,
    LAPIC_LVT_LINT0,
    LAPIC_LVT_LINT1,
    LAPIC_LVT_PERF,
    LAPIC_LVT_THERMAL,
    LAPIC_LVT_TIMER,
    LAPIC_PPR,
    LAPIC_SELF_IPI,
    LAPIC_SVR,
    LAPIC_TIMER_CURRENT,
    LAPIC_TIMER_DIVIDE,
    LAPIC_TIMER_INITIAL,
    LAPIC_TMR,
    LAPIC_TPR,
    LAPIC_VERSION,
    LAPIC_VERSION_VALUE,
    LVT_MASKED,
    LVT_TIMER_MODE,
    NMI_VECTOR,
    SVR_ENABLE,
    VECTOR,
)
from hw.spec.memory_map import MAX_CPUS

_MASK: Final = (1 << 64) - 1
_NO_INTERRUPT: Final = _MASK ^ PENDING_INTERRUPT
_CLASS: Final = 0xF0

_LVT: Final = {
    LAPIC_LVT_TIMER: "lvt_timer",
    LAPIC_LVT_THERMAL: "lvt_thermal",
    LAPIC_LVT_PERF: "lvt_perf",
    LAPIC_LVT_LINT0: "lvt_lint0",
    LAPIC_LVT_LINT1: "lvt_lint1",
    LAPIC_LVT_ERROR: "lvt_error",
}
#: Bits of an LVT entry that software may set.
_LVT_WRITABLE: Final = 0x0001_A7FF
_LVT_TIMER_WRITABLE: Final = 0x0007_00FF
#: Registers of 8 x 32 bits.
_VECTOR_REGISTERS: Final = {LAPIC_ISR: "isr", LAPIC_TMR: "tmr", LAPIC_IRR: "irr"}


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


class LocalApic:
    """Registers and acceptance of one core; holds nothing of its own."""

    __slots__ = ("_core", "_irr_at", "_pending", "_state")

    def __init__(self, core: int) -> None:
        self._core = core
        self._state = APICS[core]
        self._irr_at = self._state.phys + LocalApicState.offset_of("irr0")
        self._pending = ram.PENDING[core].bits

    # -- what the core takes next ---------------------------------------------------------------

    def ppr(self) -> int:
        """Return the processor priority."""
        state = self._state
        served = _highest(state.isr3, state.isr2, state.isr1, state.isr0)
        tpr = state.tpr
        return tpr if tpr & _CLASS >= served & _CLASS else served & _CLASS

    def _requested(self) -> int:
        state = self._state
        return _highest(state.irr3, state.irr2, state.irr1, state.irr0)

    def accept(self) -> int | None:
        """Take the next interrupt: its vector, or None if nothing may be taken now.

        The vector moves from IRR to ISR and blocks its class and those below until ``eoi``. An NMI
        is vector 2, blocks nothing and gets no EOI.

        Raises:
            CoreReset: INIT reached this core.

        """
        while True:
            if self._state.events.value:
                if self._take_event():
                    return NMI_VECTOR
                continue
            vector = self._requested()
            if vector and vector & _CLASS > self.ppr() & _CLASS:
                break
            # Nothing for now: lower the flag, then look again for what came in between.
            self._pending.and_(_NO_INTERRUPT)
            vector = self._requested()
            if self._state.events.value or (vector and vector & _CLASS > self.ppr() & _CLASS):
                self._pending.or_(PENDING_INTERRUPT)
                continue
            return None
        name = f"isr{vector >> 6}"
        bit = 1 << (vector & 63)
        atomics.and64(self._irr_at + (vector >> 6 << 3), _MASK ^ bit)
        setattr(self._state, name, getattr(self._state, name) | bit)
        return vector

    def _take_event(self) -> bool:
        """Take one event; return True for an NMI, False for a STARTUP that came too late."""
        events = self._state.events
        bits = events.load()
        if bits & EVENT_INIT:
            events.and_(_MASK ^ (EVENT_INIT | EVENT_NMI))
            reset(self._core, boot_core=bool(self._state.base & APIC_BASE_BSP))
            self._pending.and_(_NO_INTERRUPT)
            raise CoreReset
        if bits & EVENT_NMI:
            events.and_(_MASK ^ EVENT_NMI)
            return True
        events.and_(_MASK ^ (EVENT_STARTUP | 0xFF << STARTUP_VECTOR_SHIFT))
        return False

    def take_startup(self) -> int | None:
        """Take a STARTUP while waiting for one: its vector, or None."""
        events = self._state.events
        self._pending.and_(_NO_INTERRUPT)
        bits = events.load()
        if bits & EVENT_INIT:
            reset(self._core, boot_core=bool(self._state.base & APIC_BASE_BSP))
        if not bits & EVENT_STARTUP:
            events.and_(_MASK ^ bits)
            return None
        events.and_(_MASK ^ (bits | 0xFF << STARTUP_VECTOR_SHIFT))
        return bits >> STARTUP_VECTOR_SHIFT & 0xFF

    def eoi(self) -> None:
        """End the interrupt of highest priority that is being served."""
        state = self._state
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

    # -- registers ------------------------------------------------------------------------------

    def read(self, offset: int) -> int:
        """Read a 32-bit register of the page; all ones where the page is switched off."""
        if self._state.base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC) != APIC_BASE_ENABLE:
            return 0xFFFF_FFFF
        return self._read(offset & 0xFF0)

    def _read(self, offset: int) -> int:
        state = self._state
        rows = _VECTOR_REGISTERS.get(offset & 0xF80)
        if rows is not None:
            row = (offset & 0x70) >> 4
            word: int = getattr(state, f"{rows}{row >> 1}")
            return word >> (32 * (row & 1)) & 0xFFFF_FFFF
        lvt = _LVT.get(offset)
        if lvt is not None:
            entry: int = getattr(state, lvt)
            return entry
        if offset == LAPIC_TIMER_CURRENT:
            return apic_timer.current_count(self._core)
        simple: dict[int, Callable[[], int]] = {
            LAPIC_ID: self._id_register,
            LAPIC_VERSION: lambda: LAPIC_VERSION_VALUE,
            LAPIC_TPR: lambda: state.tpr,
            LAPIC_APR: self.ppr,
            LAPIC_PPR: self.ppr,
            LAPIC_LDR: self._ldr,
            LAPIC_DFR: lambda: state.dfr,
            LAPIC_SVR: lambda: state.svr,
            LAPIC_ESR: lambda: state.esr,
            LAPIC_ICR_LOW: lambda: state.icr & 0xFFFF_FFFF,
            LAPIC_ICR_HIGH: lambda: state.icr >> 32,
            LAPIC_TIMER_INITIAL: lambda: state.timer_initial,
            LAPIC_TIMER_DIVIDE: lambda: state.timer_divide,
            LAPIC_EOI: lambda: 0,
        }
        if offset not in simple:
            self._error(ESR_ILLEGAL_REGISTER)
            return 0
        return simple[offset]()

    def write(self, offset: int, value: int) -> None:
        """Write a 32-bit register of the page; nothing happens where it is switched off."""
        if self._state.base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC) == APIC_BASE_ENABLE:
            self._write(offset & 0xFF0, value & 0xFFFF_FFFF)

    def _write(self, offset: int, value: int) -> None:
        state = self._state
        if offset == LAPIC_EOI:
            self.eoi()
        elif offset == LAPIC_ICR_LOW:
            state.icr = (state.icr & ~0xFFFF_FFFF) | (value & ~ICR_DELIVERY_PENDING)
            icr.send(self._core, state.icr, wide=False)
        elif offset == LAPIC_ICR_HIGH:
            state.icr = (state.icr & 0xFFFF_FFFF) | (value & 0xFF00_0000) << 32
        elif offset == LAPIC_TPR:
            state.tpr = value & 0xFF
            self._priority_fell()
        elif offset in _LVT:
            self._write_lvt(offset, value)
        elif offset == LAPIC_TIMER_INITIAL:
            apic_timer.set_initial(self._core, value)
        elif offset == LAPIC_ESR:
            state.esr = state.errors.xchg(0)
        else:
            self._write_setup(offset, value)

    def _write_setup(self, offset: int, value: int) -> None:
        """Write what is set once, when a kernel starts."""
        state = self._state
        if offset == LAPIC_SVR:
            state.svr = value & 0x1FF
            if not value & SVR_ENABLE:
                for name in _LVT.values():
                    setattr(state, name, getattr(state, name) | LVT_MASKED)
        elif offset == LAPIC_LDR:
            state.ldr = value & 0xFF00_0000
        elif offset == LAPIC_DFR:
            state.dfr = value | 0x0FFF_FFFF
        elif offset == LAPIC_TIMER_DIVIDE:
            state.timer_divide = value & 0xB
            apic_timer.divide_changed(self._core)
        elif offset not in (LAPIC_ID, LAPIC_VERSION):
            self._error(ESR_ILLEGAL_REGISTER)

    def _write_lvt(self, offset: int, value: int) -> None:
        state = self._state
        timer = offset == LAPIC_LVT_TIMER
        old = getattr(state, _LVT[offset])
        new = value & (_LVT_TIMER_WRITABLE if timer else _LVT_WRITABLE)
        if not state.svr & SVR_ENABLE:
            new |= LVT_MASKED
        setattr(state, _LVT[offset], new)
        if timer and LVT_TIMER_MODE.get(old) != LVT_TIMER_MODE.get(new):
            apic_timer.mode_changed(self._core)

    def _error(self, bit: int) -> None:
        state = self._state
        entry = state.lvt_error
        if not state.errors.or_(bit) & bit and not entry & LVT_MASKED:
            delivery.deliver(self._core, DELIVERY_FIXED, VECTOR.get(entry))

    def _id_register(self) -> int:
        apic_id = PARTIES[self._core].apic_id
        return apic_id if self._state.base & APIC_BASE_X2APIC else (apic_id & 0xFF) << 24

    def _ldr(self) -> int:
        if not self._state.base & APIC_BASE_X2APIC:
            return self._state.ldr
        apic_id = PARTIES[self._core].apic_id
        return (apic_id >> 4) << 16 | 1 << (apic_id & 15)

    # -- x2APIC ---------------------------------------------------------------------------------

    def base(self) -> int:
        """Read IA32_APIC_BASE."""
        return self._state.base

    def set_base(self, value: int) -> bool:
        """Write IA32_APIC_BASE: modes only, the page does not move; False if it faults."""
        modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC
        new = value & modes
        old = self._state.base & modes
        if new == APIC_BASE_X2APIC or (value ^ self._state.base) & ~modes:
            return False
        if old == modes and new == APIC_BASE_ENABLE:
            return False  # x2APIC is left through off only (SDM vol. 3, 11.12.5)
        self._state.base = (self._state.base & ~modes) | new
        return True

    def read_x2apic(self, offset: int) -> int | None:
        """Read a register as MSR X2APIC_MSR_BASE + offset / 16; None if it faults."""
        if not self._state.base & APIC_BASE_X2APIC or offset in (LAPIC_DFR, LAPIC_ICR_HIGH):
            return None
        return self._state.icr if offset == LAPIC_ICR_LOW else self._read(offset)

    def write_x2apic(self, offset: int, value: int) -> bool:
        """Write a register as an MSR; False if it faults."""
        if not self._state.base & APIC_BASE_X2APIC:
            return False
        if offset == LAPIC_ICR_LOW:
            self._state.icr = value
            icr.send(self._core, value, wide=True)
        elif offset == LAPIC_SELF_IPI:
            delivery.deliver(self._core, DELIVERY_FIXED, value & 0xFF)
        elif offset in (LAPIC_DFR, LAPIC_ICR_HIGH, LAPIC_LDR, LAPIC_ID) or value >> 32:
            return False
        else:
            self._write(offset, value)
        return True


LOCAL_APICS: Final = tuple(LocalApic(core) for core in range(MAX_CPUS))
