"""Caches, translations, MONITOR: privileges and operands. Effects: tests/bare, test_halt."""

import pytest

from hw import ram
from hw.cpu import system_instructions
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore


def execute(core: VectorCore, code: str) -> None:
    """Do the instruction at rip."""
    ram.write(core.state.rip, bytes.fromhex(code))
    system_instructions.execute(core, core.instruction_at(core.state.rip))


@pytest.mark.parametrize("code", ["0f08", "0f09", "0f0138", "0f01c8", "0f01c9"])
def test_ring_3_is_refused(protected: VectorCore, code: str) -> None:
    """INVD, WBINVD, INVLPG, MONITOR, MWAIT."""
    protected.state.rax = protected.state.rcx = 0
    execute(protected, code)
    protected.state.cpl = 3
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, code)


def test_monitor_arms_the_line_of_its_segment(protected: VectorCore) -> None:
    state = protected.state
    state.ds_base, state.rax, state.rcx = 0x1000, 0x1_0000_0FC5, 0
    execute(protected, "0f01c8")
    assert state.monitor == 0x1FC0 | 1
    state.rcx = 1
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, "0f01c8")


def test_mwait_knows_one_extension(protected: VectorCore) -> None:
    protected.state.rcx = 2
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, "0f01c9")


def test_clflush_faults_as_a_load(protected: VectorCore) -> None:
    protected.state.rax = 0x5000
    execute(protected, "0fae38")
    protected.state.ds_limit = 0x4FFF
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, "0fae38")
