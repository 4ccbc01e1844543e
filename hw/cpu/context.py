"""What a translation depends on besides the page tables, in vector mode: its rules, its context.

Both follow from control registers, RFLAGS.AC and the privilege. Native code derives them again
where an instruction changes the privilege (hw.cpu.semantics.privilege), Python wherever else one of
them changes (hw.cpu.mode).

Spec: AMD64 APM vol. 2, 3.1.1 (WP, AM), 3.1.3 (SMEP, SMAP, PCIDE, PGE), 5.6.
State: CpuState. Context: native code, any.
"""

from hw.cpu.page_rules import (
    RULE_ALIGNED,
    RULE_GLOBAL,
    RULE_NO_PAGING,
    RULE_NX,
    RULE_PAE,
    RULE_PSE,
    RULE_SMAP,
    RULE_SMEP,
    RULE_TWO_LEVELS,
    RULE_WP,
)
from hw.cpu.primitives import u64
from hw.cpu.state import CpuState
from hw.cpu.tlb_banks import (
    CONTEXT_PCID,
    CONTEXT_RULES,
    CONTEXT_USER,
    CONTEXT_VECTOR,
    enter_context,
)
from hw.spec.registers import (
    CR0_AM,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PCIDE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_LMA,
    EFER_NXE,
    RFLAGS_AC,
)


def rules_of(s: CpuState) -> int:
    """RULE_* of accesses at the current privilege."""
    ac = s.rflags & RFLAGS_AC != 0
    rules = RULE_ALIGNED if ac and s.cpl == 3 and s.cr0 & CR0_AM != 0 else 0
    if s.cr0 & CR0_PG == 0:
        return rules | RULE_NO_PAGING
    rules |= RULE_WP if s.cr0 & CR0_WP != 0 else 0
    rules |= RULE_GLOBAL if s.cr4 & CR4_PGE != 0 else 0
    rules |= RULE_SMEP if s.cr4 & CR4_SMEP != 0 else 0
    if s.cr4 & CR4_SMAP != 0 and not (ac and s.cpl < 3):
        rules |= RULE_SMAP
    if s.cr4 & CR4_PAE == 0:
        return rules | RULE_TWO_LEVELS | (RULE_PSE if s.cr4 & CR4_PSE != 0 else 0)
    rules |= RULE_NX if s.efer & EFER_NXE != 0 else 0
    return rules | (0 if s.efer & EFER_LMA != 0 else RULE_PAE)


def context_of(s: CpuState) -> int:
    """Number of the context of an address space, a privilege and rules."""
    pcid = s.cr3 & CONTEXT_PCID if s.cr4 & CR4_PCIDE != 0 else 0
    user = CONTEXT_USER if s.cpl == 3 else 0
    return u64(CONTEXT_VECTOR | pcid | user | s.walk_rules << CONTEXT_RULES)


def update(s: CpuState) -> None:
    """Derive both again, after an instruction that changed privilege or flags."""
    s.walk_rules = rules_of(s)
    context = context_of(s)
    if context != s.context:
        enter_context(s, context)
