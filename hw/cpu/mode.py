"""The mode a core is in: what follows from CR0, CR4, EFER, CS and SS.

``CpuState.mode``, ``walk_rules`` and ``cpl`` are derived words that native code looks at; whoever
changes what they follow from calls in here. A TLB keeps neither privilege nor rules, so with either
another bank comes into use; decoded code depends on the mode, so a change of that empties the jump
caches.

Spec: AMD64 APM vol. 2, 1.2 and 14. State: CpuState. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu.context import context_of, rules_of
from hw.cpu.exits import CpuFault
from hw.cpu.state import (
    MODE_CODE_32,
    MODE_LEGACY,
    MODE_NO_FPU,
    MODE_NO_SSE,
    MODE_STACK_32,
    CpuState,
)
from hw.spec.descriptors import ATTRIBUTE_BIG, ATTRIBUTE_LONG
from hw.spec.registers import (
    CR0_EM,
    CR0_PE,
    CR0_TS,
    CR4_OSFXSR,
    CR4_UMIP,
    EFER_LMA,
)
from hw.spec.vectors import GENERAL_PROTECTION

if TYPE_CHECKING:
    from hw.cpu.core import Core

__all__ = [
    "code_bits", "context_of", "ip", "is_64", "is_long", "is_real", "refuse_umip", "require",
    "set_cpl", "set_ip", "stack_bits", "update",
]  # fmt: skip

_MASK64: Final = (1 << 64) - 1


def is_long(state: CpuState) -> bool:
    """Whether long mode is active: 64-bit or compatibility mode."""
    return bool(state.efer & EFER_LMA)


def is_64(state: CpuState) -> bool:
    """Whether the core runs 64-bit code."""
    return not state.mode & MODE_LEGACY


def is_real(state: CpuState) -> bool:
    """Whether the core is in real mode."""
    return not state.cr0 & CR0_PE


def code_bits(state: CpuState) -> int:
    """Width in which code is decoded: 64, 32 or 16."""
    if is_64(state):
        return 64
    return 32 if state.mode & MODE_CODE_32 else 16


def stack_bits(state: CpuState) -> int:
    """Width of the stack pointer."""
    if is_64(state):
        return 64
    return 32 if state.mode & MODE_STACK_32 else 16


def ip(state: CpuState) -> int:
    """The instruction pointer as the program sees it: ``rip`` is linear."""
    rip: int = state.rip
    return rip if is_64(state) else (rip - state.cs_base) & 0xFFFF_FFFF


def set_ip(state: CpuState, offset: int) -> None:
    """Go on at an offset in the code segment."""
    state.rip = offset & _MASK64 if is_64(state) else (state.cs_base + offset) & 0xFFFF_FFFF


def require(core: "Core", level: int = 0) -> None:
    """Check that the current privilege is ``level`` or an inner one.

    Raises:
        CpuFault: #GP.

    """
    if core.state.cpl > level:
        raise CpuFault(GENERAL_PROTECTION)


def refuse_umip(core: "Core") -> None:
    """Check that the current privilege may read where tables and stacks are.

    Raises:
        CpuFault: #GP.

    """
    if core.state.cpl > 0 and core.state.cr4 & CR4_UMIP:
        raise CpuFault(GENERAL_PROTECTION)


def update(core: "Core") -> None:
    """Derive mode, walk rules and context again, after what they follow from changed.

    That is CR0, CR4, EFER, CS, SS, CPL, AC, the PCID.
    """
    state = core.state
    mode = _mode_of(state)
    if mode != state.mode:
        state.mode = mode
        core.native.flush_jumps(core.at)
    state.walk_rules = rules_of(state)
    core.update_context()


def set_cpl(core: "Core", level: int) -> None:
    """Enter a privilege level."""
    core.state.cpl = level
    update(core)


def _mode_of(state: CpuState) -> int:
    no_sse = state.cr0 & CR0_EM or not state.cr4 & CR4_OSFXSR
    mode = MODE_NO_SSE if no_sse else 0
    if state.cr0 & (CR0_TS | CR0_EM):
        mode |= MODE_NO_FPU
    if is_long(state) and state.cs_attributes & ATTRIBUTE_LONG:
        return mode
    mode |= MODE_LEGACY | (state.cs_base & 0xFFFF_FFFF) << 32
    if state.cs_attributes & ATTRIBUTE_BIG:
        mode |= MODE_CODE_32
    if state.ss_attributes & ATTRIBUTE_BIG:
        mode |= MODE_STACK_32
    return mode
