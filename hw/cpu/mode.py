"""The mode a core is in: what follows from CR0, CR4, EFER, CS and SS.

``CpuState.mode``, ``walk_rules`` and ``cpl`` are derived words that native code looks at; whoever
changes what they follow from calls in here. The TLB keeps neither privilege nor rules, so a change
of either empties it; decoded code depends on the mode, so a change of that empties the jump cache.

Spec: AMD64 APM vol. 2, 1.2 and 14. State: CpuState. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu.page_rules import (
    RULE_NO_PAGING,
    RULE_NX,
    RULE_PAE,
    RULE_PSE,
    RULE_SMAP,
    RULE_SMEP,
    RULE_TWO_LEVELS,
    RULE_WP,
)
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
    CR0_PG,
    CR0_TS,
    CR0_WP,
    CR4_OSFXSR,
    CR4_PAE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_LMA,
    EFER_NXE,
    RFLAGS_AC,
)

if TYPE_CHECKING:
    from hw.cpu.core import Core

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


def update(core: "Core") -> None:
    """Derive mode and walk rules again, after CR0, CR4, EFER, CS, SS, CPL or AC changed."""
    state = core.state
    mode = _mode_of(state)
    if mode != state.mode:
        state.mode = mode
        core.native.flush_jumps(core.at)
    rules = _rules_of(state)
    if rules != state.walk_rules:
        state.walk_rules = rules
        core.flush_tlb()


def set_cpl(core: "Core", level: int) -> None:
    """Enter a privilege level."""
    state = core.state
    crosses = (state.cpl == 3) != (level == 3)
    state.cpl = level
    if crosses:
        core.flush_tlb()
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


def _rules_of(state: CpuState) -> int:
    if not state.cr0 & CR0_PG:
        return RULE_NO_PAGING
    rules = RULE_WP if state.cr0 & CR0_WP else 0
    if state.cr4 & CR4_SMEP:
        rules |= RULE_SMEP
    if state.cr4 & CR4_SMAP and not (state.rflags & RFLAGS_AC and state.cpl < 3):
        rules |= RULE_SMAP
    if not state.cr4 & CR4_PAE:
        return rules | RULE_TWO_LEVELS | (RULE_PSE if state.cr4 & CR4_PSE else 0)
    if state.efer & EFER_NXE:
        rules |= RULE_NX
    return rules if is_long(state) else rules | RULE_PAE
