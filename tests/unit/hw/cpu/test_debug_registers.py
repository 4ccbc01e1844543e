"""Debug registers: what is kept, which accesses meet a breakpoint."""

import pytest

from hw.cpu import debug_registers
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import CR4_DE


def test_fixed_bits(protected: VectorCore) -> None:
    debug_registers.write(protected, 7, 0)
    debug_registers.write(protected, 6, 0)
    assert debug_registers.read(protected, 7) == 0x400
    assert debug_registers.read(protected, 5) == 0x400
    assert debug_registers.read(protected, 6) == 0xFFFF_0FF0
    protected.state.cr4 |= CR4_DE
    with pytest.raises(CpuFault, match="vector 6"):
        debug_registers.read(protected, 4)


@pytest.mark.parametrize(("kind", "length", "hit"), [
    (1, 0, False), (1, 3, True), (3, 3, True), (3, 1, True), (0, 0, False), (2, 3, False),
])  # fmt: skip
def test_data(protected: VectorCore, kind: int, length: int, hit: bool) -> None:
    """mov [0x2001], eax against breakpoints around 0x2000."""
    debug_registers.write(protected, 0, 0x2000)
    debug_registers.write(protected, 7, 1 | kind << 16 | length << 18)
    protected.memory.write(0x1000, 5, int.from_bytes(bytes.fromhex("a301200000"), "little"))
    instruction = protected.instruction_at(0x1000)
    assert debug_registers.at_operands(protected, instruction) == hit
    assert debug_registers.at_instruction(protected, 0x2000) == (kind == 0)
    assert protected.state.careful
