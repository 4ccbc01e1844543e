"""RDMSR and WRMSR: one table of what there is; what is not in it is #GP.

    kind        read                     write
    FIELD       a word of CpuState       if the rule admits the value
    WORD        a word that only stands  the same
    CONSTANT    a number                 #GP

EFER, the TSC, and the local APIC's registers have functions of their own. The TSC of a core is the
machine's and an offset; deadlines are in the core's.

Spec: AMD64 APM vol. 2, appendix A; 7.7 (MTRRs), 7.8 (PAT), 9.3 (machine check).
State: CpuState; APIC base, TSC deadline and x2APIC: hw.irq.msr.
Context: the core itself, outside native code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hw import clock
from hw.cpu import control_registers
from hw.cpu.exits import CpuFault
from hw.cpu.state import MSR_WORDS, CpuState
from hw.irq import msr as apic_msr
from hw.spec import msr
from hw.spec.address import is_canonical
from hw.spec.apic import MSR_TSC_DEADLINE
from hw.spec.paging import PHYS_BITS
from hw.spec.vectors import GENERAL_PROTECTION

if TYPE_CHECKING:
    from hw.cpu.core import Core

_MASK64: Final = (1 << 64) - 1
_MEMORY_TYPES: Final = (0, 1, 4, 5, 6)
_PAT_TYPES: Final = (*_MEMORY_TYPES, 7)


def _any(_: int) -> bool:
    return True


def _in_32(value: int) -> bool:
    return value < 1 << 32


def _pat(value: int) -> bool:
    return all(byte in _PAT_TYPES for byte in value.to_bytes(8, "little"))


def _mtrr_types(value: int) -> bool:
    return all(byte in _MEMORY_TYPES for byte in value.to_bytes(8, "little"))


def _mtrr_default(value: int) -> bool:
    return not value & ~0xCFF and value & 0xFF in _MEMORY_TYPES


def _mtrr_base(value: int) -> bool:
    return value >> PHYS_BITS == 0 and not value & 0xF00 and value & 0xFF in _MEMORY_TYPES


def _mtrr_mask(value: int) -> bool:
    return value >> PHYS_BITS == 0 and not value & 0x7FF


def _in_phys(value: int) -> bool:
    return value >> PHYS_BITS == 0 and not value & 0xFFF


def _zero(value: int) -> bool:
    return value == 0


@dataclass(frozen=True, slots=True)
class Register:
    """A register that is a word somewhere, or a constant."""

    field: str = ""  #: of CpuState
    word: int = -1  #: index in CpuState.msr_words
    constant: int = 0
    admits: Callable[[int], bool] | None = None  #: None: read-only
    reset: int = 0


def _table() -> dict[int, Register]:
    fields: dict[int, tuple[str, Callable[[int], bool]]] = {
        msr.MSR_STAR: ("star", _any), msr.MSR_LSTAR: ("lstar", is_canonical),
        msr.MSR_CSTAR: ("cstar", is_canonical), msr.MSR_SFMASK: ("sfmask", _in_32),
        msr.MSR_FS_BASE: ("fs_base", is_canonical), msr.MSR_GS_BASE: ("gs_base", is_canonical),
        msr.MSR_KERNEL_GS_BASE: ("kernel_gs_base", is_canonical),
        msr.MSR_TSC_AUX: ("tsc_aux", _in_32), msr.MSR_SYSENTER_CS: ("sysenter_cs", _any),
        msr.MSR_SYSENTER_ESP: ("sysenter_esp", is_canonical),
        msr.MSR_SYSENTER_EIP: ("sysenter_eip", is_canonical), msr.MSR_PAT: ("pat", _pat),
    }  # fmt: skip
    constants = {
        msr.MSR_PATCH_LEVEL: 0x0830_1034, msr.MSR_MTRR_CAP: 0x508,
        msr.MSR_MCG_CAP: 0x100 | msr.MC_BANKS, msr.MSR_VM_CR: 0x10,
        **dict.fromkeys((*msr.MSR_LAST_BRANCH, *msr.MSR_PSTATE), 0),
    }  # fmt: skip
    standing = (
        msr.MSR_SYSCFG, msr.MSR_HWCR, *msr.MSR_IORR, msr.MSR_TOP_MEM, msr.MSR_TOP_MEM2,
        msr.MSR_NB_CFG, msr.MSR_INTERRUPT_PENDING, *msr.MSR_OSVW, *msr.MSR_PERF_EVENT,
        msr.MSR_LS_CFG, msr.MSR_IC_CFG, msr.MSR_DC_CFG, msr.MSR_FP_CFG, msr.MSR_DE_CFG,
        msr.MSR_BU_CFG2, msr.MSR_MCG_STATUS, msr.MSR_MCG_CTL,
    )  # fmt: skip
    words: dict[int, Callable[[int], bool]] = {
        **dict.fromkeys(msr.MSR_MTRR_PHYS[::2], _mtrr_base),
        **dict.fromkeys(msr.MSR_MTRR_PHYS[1::2], _mtrr_mask),
        **dict.fromkeys(msr.MSR_MTRR_FIXED, _mtrr_types), msr.MSR_MTRR_DEFAULT: _mtrr_default,
        **dict.fromkeys(msr.MSR_MC, _zero), **dict.fromkeys(msr.MSR_MC[::4], _any),
        msr.MSR_DEBUG_CTL: _zero, msr.MSR_VM_HSAVE_PA: _in_phys,
        **dict.fromkeys(standing, _any),
    }  # fmt: skip
    resets = {msr.MSR_DE_CFG: 2}  # LFENCE serializes
    return {
        **{n: Register(field=name, admits=rule) for n, (name, rule) in fields.items()},
        **{n: Register(constant=value) for n, value in constants.items()},
        **{
            n: Register(word=place, admits=rule, reset=resets.get(n, 0))
            for place, (n, rule) in enumerate(words.items())
        },
    }


#: All plain registers by number.
TABLE: Final = _table()
assert max(r.word for r in TABLE.values()) < MSR_WORDS, "CpuState.msr_words has too few words"


def reset(state: CpuState) -> None:
    """Registers after power-on."""
    for register in TABLE.values():
        if register.field and register.field not in ("fs_base", "gs_base", "tsc_aux"):
            setattr(state, register.field, 0)
        if register.word >= 0:
            state.msr_words[register.word] = register.reset
    state.pat = msr.PAT_RESET
    state.tsc_offset = 0


def plain(state: CpuState, number: int) -> int:
    """Value of a register of TABLE."""
    register = TABLE[number]
    if register.field:
        value: int = getattr(state, register.field)
        return value
    return int(state.msr_words[register.word]) if register.word >= 0 else register.constant


def read(core: "Core", number: int) -> int:
    """Value of a register.

    Raises:
        CpuFault: #GP if there is none.

    """
    state = core.state
    if number in TABLE:
        return plain(state, number)
    if number == msr.MSR_EFER:
        return int(state.efer)
    if number == msr.MSR_TSC:
        return (clock.tsc() + int(state.tsc_offset)) & _MASK64
    found = apic_msr.read(core.index, number) if apic_msr.is_ours(number) else None
    if found is None:
        raise CpuFault(GENERAL_PROTECTION)
    if number == MSR_TSC_DEADLINE and found:
        return (found + int(state.tsc_offset)) & _MASK64
    return found


def write(core: "Core", number: int, value: int) -> None:
    """Write a register.

    Raises:
        CpuFault: #GP if there is none, or it may not hold the value.

    """
    state = core.state
    register = TABLE.get(number)
    if register is not None:
        if register.admits is None or not register.admits(value):
            raise CpuFault(GENERAL_PROTECTION)
        if register.field:
            setattr(state, register.field, value)
        else:
            state.msr_words[register.word] = value
    elif number == msr.MSR_EFER:
        control_registers.write_efer(core, value)
    elif number == msr.MSR_TSC:
        state.tsc_offset = (value - clock.tsc()) & _MASK64
    else:
        if number == MSR_TSC_DEADLINE and value:
            value = max((value - int(state.tsc_offset)) & _MASK64, 1)
        if not (apic_msr.is_ours(number) and apic_msr.write(core.index, number, value)):
            raise CpuFault(GENERAL_PROTECTION)
        core.look_again()
