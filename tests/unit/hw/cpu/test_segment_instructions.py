"""LAR, LSL, VERR, VERW, ARPL and descriptor tables in protected mode."""

import pytest

from hw import ram
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import RFLAGS_ZF
from tests.unit.hw.cpu.test_system_instructions import execute


@pytest.mark.parametrize(("selector", "lar", "lsl"), [
    (0x08, 0xCF9B00, 0xFFFF_FFFF), (0x20, 0xCFF300, 0xFFFF_FFFF), (0x38, 0x8200, 0x17),
    (0x40, 0x8900, 0x67), (0, None, None), (0x100, None, None),
])  # fmt: skip
def test_lar_and_lsl(
    protected: VectorCore, selector: int, lar: int | None, lsl: int | None
) -> None:
    state = protected.state
    for code, want in (("0f02c1", lar), ("0f03c1", lsl)):
        state.rax, state.rcx, state.rip = 5, selector, 0x1000
        execute(protected, code)
        assert bool(state.rflags & RFLAGS_ZF) == (want is not None)
        assert state.rax == (5 if want is None else want)


def test_tables_are_loaded_and_stored(protected: VectorCore) -> None:
    state = protected.state
    ram.write(0x2000, bytes.fromhex("ff0278563412"))
    execute(protected, "0f011d00200000")
    assert (state.idtr_limit, state.idtr_base) == (0x2FF, 0x12345678)
    execute(protected, "0f010d10200000")
    assert ram.read(0x2010, 6) == ram.read(0x2000, 6)


def test_no_load_of_cs(protected: VectorCore) -> None:
    with pytest.raises(CpuFault, match="vector 6"):
        execute(protected, "8ec8")


def test_pop_ss_that_faults_keeps_the_stack(protected: VectorCore) -> None:
    ram.write(0x8000, bytes.fromhex("30000000"))
    with pytest.raises(CpuFault, match="vector 12"):
        execute(protected, "17")
    assert protected.state.rsp == 0x8000
