"""Operands in Python: addresses by width, registers by size."""

import pytest
from iced_x86 import Decoder, Register

from hw.cpu.exits import CpuFault
from hw.cpu.operand_access import Operands, address_bits
from hw.cpu.vector_core import VectorCore


@pytest.mark.parametrize(("bits", "code", "width", "offset"), [
    (16, "8b4008", 16, 0x0008), (32, "8b4488f0", 32, 0x3_FFF0),
    (32, "a134120000", 32, 0x1234), (16, "a13412", 16, 0x1234), (64, "678b00", 32, 0xFFFF_FFF8),
])  # fmt: skip
def test_offsets(vector_core: VectorCore, bits: int, code: str, width: int, offset: int) -> None:
    state = vector_core.state
    state.rax, state.rcx, state.rbx, state.rsi = 0x7_FFFF_FFF8, 0x10002, 0x1FFF0, 0x10
    i = Decoder(bits, bytes.fromhex(code)).decode()
    assert address_bits(i) == width
    assert Operands(vector_core, i).offset() == offset


def test_high_byte_registers(vector_core: VectorCore) -> None:
    i = Decoder(16, bytes.fromhex("88e0")).decode()
    op = Operands(vector_core, i)
    op.set_register(Register.AH, 0x12)
    assert vector_core.state.rax == 0x1200
    assert op.read(1, 1) == 0x12


def test_limit(vector_core: VectorCore) -> None:
    i = Decoder(16, bytes.fromhex("a1ffff")).decode()
    with pytest.raises(CpuFault, match="vector 13"):
        Operands(vector_core, i).read(1, 2)
