"""Instructions of 16- and 32-bit code; tests/bare compares them with QEMU."""

import pytest

from hw import ram
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from tests.unit.hw.cpu.test_system_instructions import execute


def test_aad_undoes_aam(protected: VectorCore) -> None:
    state = protected.state
    for value in range(100):
        state.rax, state.rip = value, 0x1000
        execute(protected, "d40a")
        assert state.rax & 0xFFFF == value // 10 << 8 | value % 10
        state.rip = 0x1000
        execute(protected, "d50a")
        assert state.rax & 0xFFFF == value


def test_decimal_addition(protected: VectorCore) -> None:
    """DAA after a binary addition of packed decimals gives their decimal sum."""
    state = protected.state
    for left in range(0, 100, 7):
        for right in range(100):
            packed = [int(str(n), 16) for n in (left, right)]
            total = sum(packed)
            adjust = (packed[0] & 15) + (packed[1] & 15) > 15
            state.rax = total & 0xFF
            state.rflags = 2 | (total > 0xFF) | adjust << 4
            state.rip = 0x1000
            execute(protected, "27")
            assert state.rax & 0xFF == int(str((left + right) % 100), 16)
            assert state.rflags & 1 == (left + right > 99)


def test_pusha_keeps_the_old_stack_pointer(protected: VectorCore) -> None:
    state = protected.state
    state.gpr[:8] = [1, 2, 3, 4, 0x8000, 6, 7, 8]
    execute(protected, "60")
    assert state.rsp == 0x7FE0
    words = [int.from_bytes(ram.read(0x7FE0 + 4 * n, 4), "little") for n in range(8)]
    assert words == [8, 7, 6, 0x8000, 4, 3, 2, 1]


def test_bit_beyond_the_operand(protected: VectorCore) -> None:
    protected.state.rcx = (-33) & 0xFFFF_FFFF
    execute(protected, "0fab0d00200000")
    assert ram.read(0x1FF8, 8) == bytes(3) + b"\x80" + bytes(4)


def test_aam_by_zero(protected: VectorCore) -> None:
    with pytest.raises(CpuFault, match="vector 0"):
        execute(protected, "d400")
