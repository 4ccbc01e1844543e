"""What mode and walk rules follow from the control registers."""

import pytest

from hw.cpu import mode
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
from hw.cpu.state import MODE_CODE_32, MODE_LEGACY, MODE_NO_FPU, MODE_NO_SSE, MODE_STACK_32
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import (
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

_PAGING = CR0_PE | CR0_PG


@pytest.mark.parametrize(("cr0", "cr4", "efer", "rflags", "rules"), [
    (CR0_PE, CR4_SMEP, 0, 2, RULE_NO_PAGING),
    (_PAGING, 0, EFER_NXE, 2, RULE_TWO_LEVELS),
    (_PAGING | CR0_WP, CR4_PSE, 0, 2, RULE_TWO_LEVELS | RULE_PSE | RULE_WP),
    (_PAGING, CR4_PAE, EFER_NXE, 2, RULE_PAE | RULE_NX),
    (_PAGING, CR4_PAE | CR4_SMEP, EFER_LMA, 2, RULE_SMEP),
    (_PAGING, CR4_PAE | CR4_SMAP, EFER_LMA, 2, RULE_SMAP),
    (_PAGING, CR4_PAE | CR4_SMAP, EFER_LMA, 2 | RFLAGS_AC, 0),
])  # fmt: skip
def test_walk_rules(
    vector_core: VectorCore, cr0: int, cr4: int, efer: int, rflags: int, rules: int
) -> None:
    state = vector_core.state
    state.cr0, state.cr4, state.efer, state.rflags = cr0, cr4, efer, rflags
    mode.update(vector_core)
    assert state.walk_rules == rules


def test_decoding_mode(protected: VectorCore) -> None:
    state = protected.state
    assert state.mode == MODE_LEGACY | MODE_CODE_32 | MODE_STACK_32 | MODE_NO_SSE
    assert mode.code_bits(state) == mode.stack_bits(state) == 32
    state.cr4 |= CR4_OSFXSR
    state.cr0 |= CR0_TS
    state.cs_base = 0x5000
    mode.update(protected)
    want = MODE_LEGACY | MODE_CODE_32 | MODE_STACK_32 | MODE_NO_FPU | 0x5000 << 32
    assert state.mode == want


def test_instruction_pointer_counts_from_the_segment(vector_core: VectorCore) -> None:
    vector_core.start(0x1234, 0x10)
    assert vector_core.state.rip == 0x12350
    assert mode.ip(vector_core.state) == 0x10
    assert mode.is_real(vector_core.state)
