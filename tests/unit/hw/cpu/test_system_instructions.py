"""Execution in Python: rip, counts, and a fault that puts all back. Rules: tests/bare."""

import pytest

from hw import ram
from hw.cpu import system_instructions
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore


def execute(core: VectorCore, code: str) -> None:
    """Do the instruction at rip."""
    ram.write(core.state.rip, bytes.fromhex(code))
    system_instructions.execute(core, core.instruction_at(core.state.rip))


def test_rip_goes_on(protected: VectorCore) -> None:
    execute(protected, "fa")
    assert protected.state.rip == 0x1001


def test_a_fault_leaves_rip(protected: VectorCore) -> None:
    protected.state.cpl = 3
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, "fa")
    assert protected.state.rip == 0x1000


def test_counts_are_exact(protected: VectorCore) -> None:
    ram.write(0x1000, bytes.fromhex("40fa4048f4"))
    before = protected.state.instructions
    protected.run()
    assert protected.state.instructions - before == 5
