"""Writes of CR0, CR3, CR4, CR8 and EFER: what they may not hold, and what follows from them.

All writes come here, also from LMSW, CLTS and WRMSR. A refused one is #GP(0) and changes nothing.

Spec: AMD64 APM vol. 2, 3.1, 5.5.1 (PCID), 14.6 (entering long mode).
State: CpuState; TPR in the local APIC. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu import mode
from hw.cpu.exits import CpuFault
from hw.cpu.tlb_banks import CONTEXT_PCID
from hw.irq.local_apic import LOCAL_APICS
from hw.spec.apic import LAPIC_TPR
from hw.spec.descriptors import ATTRIBUTE_LONG
from hw.spec.paging import PHYS_BITS
from hw.spec.registers import (
    CR0_AM,
    CR0_CD,
    CR0_EM,
    CR0_ET,
    CR0_MP,
    CR0_NE,
    CR0_NW,
    CR0_PE,
    CR0_PG,
    CR0_TS,
    CR0_WP,
    CR4_DE,
    CR4_FSGSBASE,
    CR4_MCE,
    CR4_OSFXSR,
    CR4_OSXMMEXCPT,
    CR4_OSXSAVE,
    CR4_PAE,
    CR4_PCE,
    CR4_PCIDE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    CR4_TSD,
    CR4_UMIP,
    EFER_LMA,
    EFER_LME,
    EFER_NXE,
    EFER_SCE,
)
from hw.spec.vectors import GENERAL_PROTECTION, INVALID_OPCODE

if TYPE_CHECKING:
    from hw.cpu.core import Core

_CR0_BITS: Final = (
    CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD
    | CR0_PG
)  # fmt: skip
_CR4_BITS: Final = (
    CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR
    | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP
)  # fmt: skip
_EFER_BITS: Final = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE
#: A change of these makes translations stale.
_CR0_PAGING: Final = CR0_PG | CR0_PE
_CR4_PAGING: Final = CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE
_NO_FLUSH: Final = 1 << 63
_PHYS_END: Final = 1 << PHYS_BITS


def _refuse(*, when: bool) -> None:
    if when:
        raise CpuFault(GENERAL_PROTECTION)


def read(core: "Core", number: int) -> int:
    """Value of a control register.

    Raises:
        CpuFault: #UD if there is none.

    """
    state = core.state
    if number == 8:
        return LOCAL_APICS[core.index].read(LAPIC_TPR) >> 4
    if number not in (0, 2, 3, 4):
        raise CpuFault(INVALID_OPCODE)
    value: int = getattr(state, f"cr{number}")
    return value


def write(core: "Core", number: int, value: int) -> None:
    """Write a control register.

    Raises:
        CpuFault: #UD if there is none, #GP if it may not hold the value.

    """
    if number == 0:
        write_cr0(core, value)
    elif number == 2:
        core.state.cr2 = value
    elif number == 3:
        _write_cr3(core, value)
    elif number == 4:
        _write_cr4(core, value)
    elif number == 8:
        _refuse(when=value > 15)
        LOCAL_APICS[core.index].write(LAPIC_TPR, value << 4)
        core.look_again()
    else:
        raise CpuFault(INVALID_OPCODE)


def write_cr0(core: "Core", value: int) -> None:
    """Write CR0; setting PG with EFER.LME set enters long mode, clearing it leaves it.

    Raises:
        CpuFault: #GP.

    """
    state = core.state
    old = state.cr0
    _refuse(when=bool(value >> 32))
    _refuse(when=bool(value & CR0_PG and not value & CR0_PE))
    _refuse(when=bool(value & CR0_NW and not value & CR0_CD))
    if value & CR0_PG and not old & CR0_PG and state.efer & EFER_LME:
        _refuse(when=not state.cr4 & CR4_PAE or bool(state.cs_attributes & ATTRIBUTE_LONG))
        state.efer |= EFER_LMA
    if old & CR0_PG and not value & CR0_PG:
        _refuse(when=mode.is_64(state) or bool(state.cr4 & CR4_PCIDE))
        state.efer &= ~EFER_LMA
    state.cr0 = (value & _CR0_BITS) | CR0_ET
    if (old ^ value) & CR0_PE:
        state.cpl = 0
    if (old ^ value) & _CR0_PAGING:
        core.flush_tlb()
    mode.update(core)


def _write_cr3(core: "Core", value: int) -> None:
    """Load CR3: the PCID's translations are forgotten, unless bit 63 says not; global ones stay."""
    state = core.state
    keeps = bool(state.cr4 & CR4_PCIDE and value & _NO_FLUSH)
    if keeps:
        value &= ~_NO_FLUSH
    if mode.is_long(state):
        _refuse(when=value >= _PHYS_END)
    state.cr3 = value
    mode.update(core)
    if not keeps:
        core.flush_local(CONTEXT_PCID, state.context)


def _write_cr4(core: "Core", value: int) -> None:
    state = core.state
    old = state.cr4
    _refuse(when=bool(value & ~_CR4_BITS))
    if mode.is_long(state):
        _refuse(when=not value & CR4_PAE)
    if value & CR4_PCIDE and not old & CR4_PCIDE:
        _refuse(when=not mode.is_long(state) or bool(state.cr3 & CONTEXT_PCID))
    state.cr4 = value
    if (old ^ value) & _CR4_PAGING:
        core.flush_tlb()
    mode.update(core)


def write_efer(core: "Core", value: int) -> None:
    """Write EFER; LMA is not the writer's.

    Raises:
        CpuFault: #GP.

    """
    state = core.state
    _refuse(when=bool(value & ~_EFER_BITS))
    _refuse(when=bool((value ^ state.efer) & EFER_LME and state.cr0 & CR0_PG))
    state.efer = (value & ~EFER_LMA) | (state.efer & EFER_LMA)
    mode.update(core)
