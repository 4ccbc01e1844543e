"""Far pointers of jumps and calls, by operand size. Rules: tests/bare."""

import pytest

from hw import ram
from hw.cpu import system_instructions
from hw.cpu.vector_core import VectorCore


def execute(core: VectorCore, code: str) -> None:
    """Do the instruction at rip."""
    ram.write(core.state.rip, bytes.fromhex(code))
    system_instructions.execute(core, core.instruction_at(core.state.rip))


@pytest.mark.parametrize(
    ("code", "size"), [("ea001000000800", 4), ("66ea00100800", 2), ("ff2d00200000", 4)]
)
def test_far_jumps(protected: VectorCore, code: str, size: int) -> None:
    ram.write(0x2000, bytes.fromhex("001000000800"))
    protected.state.rip = 0x1100
    execute(protected, code)
    assert (protected.state.rip, protected.state.cs_selector) == (0x1000, 8)
    assert size in (2, 4)


def test_a_far_call_pushes_the_address_after_it(protected: VectorCore) -> None:
    execute(protected, "9a004000000800")
    assert (protected.state.rip, protected.state.rsp) == (0x4000, 0x7FF8)
    assert ram.read(0x7FF8, 8) == bytes.fromhex("0710000008000000")
    execute(protected, "cb")
    assert (protected.state.rip, protected.state.rsp) == (0x1007, 0x8000)


def test_into_without_overflow_goes_on(protected: VectorCore) -> None:
    execute(protected, "ce")
    assert protected.state.rip == 0x1001
