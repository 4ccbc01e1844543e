"""What is absent has no builder."""

import pytest

from hw.cpu.encodings.table import builder_for, legacy_builder_for


@pytest.mark.parametrize(
    "name", ["ADD_RM32_R32", "JMP_REL32_64", "VEX_ANDN_R32_R32_RM32", "PADDD_XMM_XMMM128",
             "PADDD_MM_MMM64", "FADD_ST0_STI", "PCMPISTRI_XMM_XMMM128_IMM8"],
)  # fmt: skip
def test_there(name: str):
    assert builder_for(name) is not None


@pytest.mark.parametrize(
    "name", ["PUSH_R32", "BSWAP_R16", "VEX_VADDPS_YMM_YMM_YMMM256", "ARPL_RM16_R16",
             "DAA", "PFADD_MM_MMM64", "AESENC_XMM_XMMM128", "INVALID"],
)  # fmt: skip
def test_absent(name: str):
    assert builder_for(name) is None


def test_other_modes_have_what_64_bit_mode_lost():
    assert legacy_builder_for("DAA") is not None
    assert legacy_builder_for("PUSH_R32") is not None
    assert legacy_builder_for("ADD_RM32_R32") is not None
