"""System calls that look into no table: SYSCALL and SYSRET, SYSENTER and SYSEXIT; SWAPGS.

SYSCALL, SYSRET and SWAPGS of 64-bit code are native (hw.cpu.semantics.privilege); this is all of
them, for the other modes and for what is out of the ordinary.

Spec: AMD64 APM vol. 2, 6.1; vol. 3, SYSCALL SYSRET SYSENTER SYSEXIT SWAPGS.
State: CpuState. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu import mode, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.segmentation import put
from hw.spec.descriptors import FLAT_CODE_32, FLAT_CODE_64, FLAT_DATA, FLAT_LIMIT, Descriptor
from hw.spec.registers import (
    EFER_SCE,
    RFLAGS_FIXED,
    RFLAGS_FREE,
    RFLAGS_IF,
    RFLAGS_IOPL,
    RFLAGS_RF,
    RFLAGS_VM,
)
from hw.spec.vectors import GENERAL_PROTECTION, INVALID_OPCODE

if TYPE_CHECKING:
    from hw.cpu.core import Core

_SYSRET_FLAGS: Final = RFLAGS_FREE | RFLAGS_IF | RFLAGS_IOPL


def _flat(core: "Core", selector: int, code_attributes: int, level: int) -> None:
    """CS as SYSCALL and its kin set it: no descriptor is read."""
    state = core.state
    dpl = level << 5
    put(state, "cs", Descriptor(selector, 0, FLAT_LIMIT, code_attributes | dpl))


def _flat_stack(core: "Core", selector: int, level: int) -> None:
    put(core.state, "ss", Descriptor(selector, 0, FLAT_LIMIT, FLAT_DATA | level << 5))


def syscall(core: "Core") -> None:
    """SYSCALL; rip is the address after it.

    Raises:
        CpuFault: #UD.

    """
    state = core.state
    if not state.efer & EFER_SCE or mode.is_real(state):
        raise CpuFault(INVALID_OPCODE)
    selector = state.star >> 32 & 0xFFFC
    if mode.is_long(state):
        target = state.lstar if mode.is_64(state) else state.cstar
        state.rcx, state.r11 = mode.ip(state), state.rflags & ~RFLAGS_RF
        state.rflags &= ~(state.sfmask | RFLAGS_RF)
        _flat(core, selector, FLAT_CODE_64, 0)
    else:
        target = state.star & 0xFFFF_FFFF
        state.rcx = mode.ip(state)
        state.rflags &= ~(RFLAGS_IF | RFLAGS_RF | RFLAGS_VM)
        _flat(core, selector, FLAT_CODE_32, 0)
    state.rflags |= RFLAGS_FIXED
    _flat_stack(core, selector + 8, 0)
    mode.set_cpl(core, 0)
    mode.set_ip(state, target)


def sysret(core: "Core", *, wide: bool) -> None:
    """SYSRET; ``wide``: to 64-bit mode.

    A return address that is not canonical faults at its fetch, at user privilege, as on AMD.

    Raises:
        CpuFault: #UD, #GP.

    """
    state = core.state
    if not state.efer & EFER_SCE or mode.is_real(state):
        raise CpuFault(INVALID_OPCODE)
    if state.cpl != 0:
        raise CpuFault(GENERAL_PROTECTION)
    selector = state.star >> 48 & 0xFFFF
    long = mode.is_long(state)
    offset = state.rcx if wide else state.rcx & 0xFFFF_FFFF
    if wide:
        _flat(core, (selector + 16) | 3, FLAT_CODE_64, 3)
    else:
        _flat(core, selector | 3, FLAT_CODE_32, 3)
    state.ss_selector = (selector + 8) | 3  # AMD leaves the hidden part as it is
    if long:
        state.rflags = (state.r11 & _SYSRET_FLAGS) | RFLAGS_FIXED
    else:
        state.rflags |= RFLAGS_IF
    mode.set_cpl(core, 3)
    mode.set_ip(state, offset)


def sysenter(core: "Core") -> None:
    """SYSENTER: legacy mode only, as on AMD.

    Raises:
        CpuFault: #UD, #GP.

    """
    state = core.state
    if mode.is_long(state):
        raise CpuFault(INVALID_OPCODE)
    if mode.is_real(state) or segmentation.is_null(state.sysenter_cs):
        raise CpuFault(GENERAL_PROTECTION)
    selector = state.sysenter_cs & 0xFFFC
    state.rflags &= ~(RFLAGS_IF | RFLAGS_VM | RFLAGS_RF)
    _flat(core, selector, FLAT_CODE_32, 0)
    _flat_stack(core, selector + 8, 0)
    mode.set_cpl(core, 0)
    state.rsp = state.sysenter_esp & 0xFFFF_FFFF
    mode.set_ip(state, state.sysenter_eip & 0xFFFF_FFFF)


def sysexit(core: "Core") -> None:
    """SYSEXIT: legacy mode only, as on AMD.

    Raises:
        CpuFault: #UD, #GP.

    """
    state = core.state
    if mode.is_long(state):
        raise CpuFault(INVALID_OPCODE)
    if mode.is_real(state) or state.cpl != 0 or segmentation.is_null(state.sysenter_cs):
        raise CpuFault(GENERAL_PROTECTION)
    selector = state.sysenter_cs & 0xFFFC
    _flat(core, (selector + 16) | 3, FLAT_CODE_32, 3)
    _flat_stack(core, (selector + 24) | 3, 3)
    mode.set_cpl(core, 3)
    state.rsp = state.rcx & 0xFFFF_FFFF
    mode.set_ip(state, state.rdx & 0xFFFF_FFFF)


def swapgs(core: "Core") -> None:
    """SWAPGS.

    Raises:
        CpuFault: #UD outside 64-bit mode, #GP.

    """
    state = core.state
    if not mode.is_64(state):
        raise CpuFault(INVALID_OPCODE)
    if state.cpl != 0:
        raise CpuFault(GENERAL_PROTECTION)
    state.gs_base, state.kernel_gs_base = state.kernel_gs_base, state.gs_base
