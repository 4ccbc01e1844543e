"""The registers of a core's local APIC, as its page (xAPIC) and as MSRs (x2APIC).

What a register sets in motion stands elsewhere: acceptance, icr, apic_timer.

Spec: Intel SDM vol. 3, chapter 11. State: board memory (APICS, PENDING).
Locks: none; only its own core reads and writes registers. Context: that core.
"""

from collections.abc import Callable
from typing import Final

from hw.irq import apic_timer, delivery, icr
from hw.irq.acceptance import Acceptance
from hw.irq.party import PARTIES
from hw.spec.apic import (
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
    SVR_ENABLE,
    VECTOR,
)
from hw.spec.memory_map import MAX_CPUS

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


class LocalApic(Acceptance):
    """Registers of one core's local APIC, and what it lets through."""

    __slots__ = ()

    def read(self, offset: int) -> int:
        """Read a 32-bit register of the page; all ones where the page is switched off."""
        if self.state.base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC) != APIC_BASE_ENABLE:
            return 0xFFFF_FFFF
        return self._read(offset & 0xFF0)

    def _read(self, offset: int) -> int:
        state = self.state
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
        reader = _READERS.get(offset)
        if reader is None:
            self._error(ESR_ILLEGAL_REGISTER)
            return 0
        return reader(self)

    def write(self, offset: int, value: int) -> None:
        """Write a 32-bit register of the page; nothing happens where it is switched off."""
        if self.state.base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC) == APIC_BASE_ENABLE:
            self._write(offset & 0xFF0, value & 0xFFFF_FFFF)

    def _write(self, offset: int, value: int) -> None:
        state = self.state
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
        state = self.state
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
        state = self.state
        timer = offset == LAPIC_LVT_TIMER
        old = getattr(state, _LVT[offset])
        new = value & (_LVT_TIMER_WRITABLE if timer else _LVT_WRITABLE)
        if not state.svr & SVR_ENABLE:
            new |= LVT_MASKED
        setattr(state, _LVT[offset], new)
        if timer and LVT_TIMER_MODE.get(old) != LVT_TIMER_MODE.get(new):
            apic_timer.mode_changed(self._core)

    def _error(self, bit: int) -> None:
        state = self.state
        entry = state.lvt_error
        if not state.errors.or_(bit) & bit and not entry & LVT_MASKED:
            delivery.deliver(self._core, DELIVERY_FIXED, VECTOR.get(entry))

    def id_register(self) -> int:
        """Return the id as the register shows it."""
        apic_id = PARTIES[self._core].apic_id
        return apic_id if self.state.base & APIC_BASE_X2APIC else (apic_id & 0xFF) << 24

    def logical_id(self) -> int:
        """Return LDR; in x2APIC mode it follows from the id."""
        if not self.state.base & APIC_BASE_X2APIC:
            return self.state.ldr
        apic_id = PARTIES[self._core].apic_id
        return (apic_id >> 4) << 16 | 1 << (apic_id & 15)

    # -- x2APIC ---------------------------------------------------------------------------------

    def base(self) -> int:
        """Read IA32_APIC_BASE."""
        return self.state.base

    def set_base(self, value: int) -> bool:
        """Write IA32_APIC_BASE: modes only, the page does not move; False if it faults."""
        modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC
        new = value & modes
        old = self.state.base & modes
        if new == APIC_BASE_X2APIC or (value ^ self.state.base) & ~modes:
            return False
        if old == modes and new == APIC_BASE_ENABLE:
            return False  # x2APIC is left through off only (SDM vol. 3, 11.12.5)
        self.state.base = (self.state.base & ~modes) | new
        return True

    def read_x2apic(self, offset: int) -> int | None:
        """Read a register as MSR X2APIC_MSR_BASE + offset / 16; None if it faults."""
        if not self.state.base & APIC_BASE_X2APIC or offset in (LAPIC_DFR, LAPIC_ICR_HIGH):
            return None
        return self.state.icr if offset == LAPIC_ICR_LOW else self._read(offset)

    def write_x2apic(self, offset: int, value: int) -> bool:
        """Write a register as an MSR; False if it faults."""
        if not self.state.base & APIC_BASE_X2APIC:
            return False
        if offset == LAPIC_ICR_LOW:
            self.state.icr = value
            icr.send(self._core, value, wide=True)
        elif offset == LAPIC_SELF_IPI:
            delivery.deliver(self._core, DELIVERY_FIXED, value & 0xFF)
        elif offset in (LAPIC_DFR, LAPIC_ICR_HIGH, LAPIC_LDR, LAPIC_ID) or value >> 32:
            return False
        else:
            self._write(offset, value)
        return True


#: Registers that are read as they are.
_READERS: Final[dict[int, Callable[[LocalApic], int]]] = {
    LAPIC_ID: LocalApic.id_register,
    LAPIC_VERSION: lambda _: LAPIC_VERSION_VALUE,
    LAPIC_TPR: lambda apic: apic.state.tpr,
    LAPIC_APR: LocalApic.ppr,
    LAPIC_PPR: LocalApic.ppr,
    LAPIC_LDR: LocalApic.logical_id,
    LAPIC_DFR: lambda apic: apic.state.dfr,
    LAPIC_SVR: lambda apic: apic.state.svr,
    LAPIC_ESR: lambda apic: apic.state.esr,
    LAPIC_ICR_LOW: lambda apic: apic.state.icr & 0xFFFF_FFFF,
    LAPIC_ICR_HIGH: lambda apic: apic.state.icr >> 32,
    LAPIC_TIMER_INITIAL: lambda apic: apic.state.timer_initial,
    LAPIC_TIMER_DIVIDE: lambda apic: apic.state.timer_divide,
    LAPIC_EOI: lambda _: 0,
}

LOCAL_APICS: Final = tuple(LocalApic(core) for core in range(MAX_CPUS))
