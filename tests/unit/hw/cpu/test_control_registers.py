"""Writes of control registers in protected mode; what each write may not hold: tests/bare."""

import pytest

from hw.cpu import control_registers, mode
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import CR0_PE, CR0_PG, CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME


def test_the_way_to_long_mode(protected: VectorCore) -> None:
    state = protected.state
    control_registers.write_efer(protected, EFER_LME)
    assert not mode.is_long(state)
    with pytest.raises(CpuFault):
        control_registers.write(protected, 0, CR0_PE | CR0_PG)
    control_registers.write(protected, 4, CR4_PAE)
    control_registers.write(protected, 0, CR0_PE | CR0_PG)
    assert mode.is_long(state)
    assert not mode.is_64(state)
    with pytest.raises(CpuFault):
        control_registers.write_efer(protected, 0)
    control_registers.write(protected, 0, CR0_PE)
    assert state.efer == EFER_LME


def test_lma_is_not_the_writers(protected: VectorCore) -> None:
    control_registers.write_efer(protected, EFER_LMA)
    assert protected.state.efer == 0


def test_pcids_need_long_mode(protected: VectorCore) -> None:
    with pytest.raises(CpuFault):
        control_registers.write(protected, 4, CR4_PAE | CR4_PCIDE)
    assert protected.state.cr4 == 0


def test_there_is_no_cr1(protected: VectorCore) -> None:
    with pytest.raises(CpuFault, match="vector 6"):
        control_registers.read(protected, 1)
