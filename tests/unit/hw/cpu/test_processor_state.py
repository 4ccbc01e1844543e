"""The processor's own state: what an instruction leaves. Rules: tests/bare."""

import pytest

from hw import ram
from hw.cpu import system_instructions
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import RFLAGS_IF


def execute(core: VectorCore, code: str) -> None:
    """Do the instruction at rip."""
    ram.write(core.state.rip, bytes.fromhex(code))
    system_instructions.execute(core, core.instruction_at(core.state.rip))


def test_sti_casts_a_shadow_once(protected: VectorCore) -> None:
    execute(protected, "fb")
    assert protected.state.rflags & RFLAGS_IF
    assert protected.state.shadow
    assert protected.state.careful
    protected.state.shadow = 0
    execute(protected, "fb")
    assert not protected.state.shadow


def test_flags_on_the_stack_come_back(protected: VectorCore) -> None:
    state = protected.state
    state.rflags = 0x3ED7
    execute(protected, "9c")
    state.rflags = 2
    execute(protected, "9d")
    assert (state.rflags, state.rsp) == (0x3ED7, 0x8000)


def test_a_control_register_of_the_outer_ring_is_refused(protected: VectorCore) -> None:
    execute(protected, "0f20c0")
    assert protected.state.rax == protected.state.cr0
    protected.state.cpl = 3
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, "0f20c0")


def test_hlt_halts(protected: VectorCore) -> None:
    execute(protected, "f4")
    assert protected.state.halted == 1
