"""Reciprocals: within the manual's bound, special values, no flags."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.cpu.semantics.approximation import reciprocal, reciprocal_root

_BOUND = 1.5 / 4096
_normal = st.integers(0x0080_0000, 0x7F7F_FFFF)


def _float(bits: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


@given(_normal, st.booleans())
def test_reciprocal_is_within_the_bound(bits: int, negative: bool):
    bits |= negative << 31
    exact, got = 1 / _float(bits), _float(reciprocal(bits))
    if abs(exact) < 2.0**-126:
        assert got == 0 or abs(exact) > 2.0**-126 * (1 - _BOUND)
    else:
        assert abs(got - exact) <= _BOUND * abs(exact)
    assert math.copysign(1, got) == math.copysign(1, exact)


@given(_normal)
def test_reciprocal_root_is_within_the_bound(bits: int):
    exact = 1 / math.sqrt(_float(bits))
    assert abs(_float(reciprocal_root(bits)) - exact) <= _BOUND * exact


@pytest.mark.parametrize("power", range(-126, 126))
def test_powers_of_two_are_exact(power: int):
    (bits,) = struct.unpack("<I", struct.pack("<f", 2.0**power))
    assert _float(reciprocal(bits)) == 2.0**-power
    if power % 2 == 0:
        assert _float(reciprocal_root(bits)) == 2.0 ** (-power // 2)


@pytest.mark.parametrize(
    ("bits", "plain", "root"),
    [
        (0x0000_0000, 0x7F80_0000, 0x7F80_0000),
        (0x8000_0001, 0xFF80_0000, 0xFF80_0000),
        (0x7F80_0000, 0x0000_0000, 0x0000_0000),
        (0xFF80_0000, 0x8000_0000, 0xFFC0_0000),
        (0xBF80_0000, 0xBF80_0000, 0xFFC0_0000),
        (0x7F80_0001, 0x7FC0_0001, 0x7FC0_0001),
        (0xFFC1_2345, 0xFFC1_2345, 0xFFC1_2345),
    ],
)
def test_special_values(bits: int, plain: int, root: int):
    assert (reciprocal(bits), reciprocal_root(bits)) == (plain, root)
