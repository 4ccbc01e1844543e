"""Lazy flags against flags bit by bit."""

import random
from itertools import product

import pytest

from hw.cpu import flags
from hw.cpu.flags import COMPARE_CONDITIONS, CONDITIONS
from hw.cpu.primitives import sext
from hw.cpu.state import CORES
from hw.spec.registers import RFLAGS_AF, RFLAGS_CF, RFLAGS_OF, RFLAGS_PF, RFLAGS_SF, RFLAGS_ZF

_BYTES = [0, 1, 2, 0x0F, 0x10, 0x7E, 0x7F, 0x80, 0x81, 0xF0, 0xFE, 0xFF]


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _expected(a: int, b: int, bits: int, sign: int) -> int:
    """Flags of a + b (sign 1) or a - b (-1)."""
    exact = a + sign * b
    result = exact & ((1 << bits) - 1)
    in_range = -(1 << (bits - 1)) <= _signed(a, bits) + sign * _signed(b, bits) < 1 << (bits - 1)
    half = (a & 15) + sign * (b & 15)
    return (
        RFLAGS_CF * (exact != result)
        | RFLAGS_PF * (bin(result & 0xFF).count("1") % 2 == 0)
        | RFLAGS_AF * (not 0 <= half < 16)
        | RFLAGS_ZF * (result == 0)
        | RFLAGS_SF * (result >> (bits - 1))
        | RFLAGS_OF * (not in_range)
    )


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_sums_and_differences(bits: int):
    mask = (1 << bits) - 1
    values = [(byte << (bits - 8) | byte) & mask for byte in _BYTES]
    for a, b in product(values, values):
        assert flags.add_flags(a, b, (a + b) & mask, bits) == _expected(a, b, bits, 1)
        assert flags.sub_flags(a, b, (a - b) & mask, bits) == _expected(a, b, bits, -1)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_what_is_left_pending_becomes_the_same_flags(guest, bits: int):
    rng = random.Random(bits)
    state = CORES[0]
    mask = (1 << bits) - 1
    for _ in range(100):
        a, b = rng.getrandbits(bits), rng.choice((0, 1, rng.getrandbits(bits)))
        for sign, leave in ((1, flags.set_add), (-1, flags.set_compare)):
            state.rflags = 0x202
            leave(state, a, b, bits)
            assert flags.flags_now(state) == 0x202 | _expected(a, b, bits, sign)
            assert state.flag_kind == flags.FLAGS_READY
        state.rflags = 0x202 | RFLAGS_CF
        flags.set_logic(state, a, bits)
        assert flags.flags_now(state) == 0x202 | _expected(a, 0, bits, -1)
        assert flags.sub_flags(a, b, (a - b) & mask, bits) & RFLAGS_CF == (a < b)


def test_conditions_follow_from_the_operands_as_from_the_flags():
    for a, b in product(_BYTES, _BYTES):
        status = flags.sub_flags(a, b, (a - b) & 0xFF, 8)
        for code in COMPARE_CONDITIONS:
            direct = flags.compare_holds(sext(a, 8), sext(b, 8), code)
            assert direct == flags.condition_of(status, code), (a, b, CONDITIONS[code])


def test_a_condition_and_its_negation():
    for status in (0, RFLAGS_CF, RFLAGS_ZF, RFLAGS_SF, RFLAGS_OF, RFLAGS_PF, RFLAGS_SF | RFLAGS_OF):
        for code in range(0, 16, 2):
            assert flags.condition_of(status, code) != flags.condition_of(status, code + 1)


def test_a_rotate_keeps_the_other_flags(guest):
    state = CORES[0]
    state.rflags, state.flag_kind = 0x202 | RFLAGS_ZF | RFLAGS_CF, flags.FLAGS_READY
    flags.pack_carry_overflow(state, 0, 1)
    assert state.rflags == 0x202 | RFLAGS_ZF | RFLAGS_OF
