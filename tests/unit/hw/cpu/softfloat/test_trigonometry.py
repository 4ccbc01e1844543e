"""Trigonometric functions against series of exact fractions: within one unit, anywhere."""

import random
from fractions import Fraction

import pytest

from hw.cpu.softfloat import trigonometry
from hw.cpu.softfloat.number import INEXACT
from tests.support import long_numbers
from tests.support.long_numbers import BIAS, units_off, value_of

_CONTROL = 0x37F
#: Numbers very near to multiples of pi/2, where reduction cancels all but few bits.
_NEAR = [(BIAS + 1, 0xC90F_DAA2_2168_C235), (BIAS + 62, 0xC90F_DAA2_2168_C235),
         (BIAS, 0xC90F_DAA2_2168_C234), (BIAS + 61, 0x8A51_E04D_AABD_A361)]  # fmt: skip


def _arguments(seed: int, low: int, high: int) -> list[tuple[int, int]]:
    return [*_NEAR, *long_numbers.numbers(random.Random(seed), 40, low, high)]


@pytest.mark.parametrize(("low", "high"), [(-3, 4), (-90, -4), (5, 62)])
def test_sine_and_cosine(low: int, high: int) -> None:
    for se, m in _arguments(low, low, high):
        x = value_of(se, m)
        for function, want in (
            (trigonometry.sine, long_numbers.sine),
            (trigonometry.cosine, long_numbers.cosine),
        ):
            got_se, got_m, flags = function(_CONTROL, se, m)
            assert units_off(got_se, got_m, want(x)) < 0.5001, (function, hex(se), hex(m))
            assert flags & INEXACT


@pytest.mark.parametrize(("low", "high"), [(-3, 4), (-60, 62)])
def test_tangent(low: int, high: int) -> None:
    for se, m in _arguments(low, low, high):
        x = value_of(se, m)
        got_se, got_m, _ = trigonometry.tangent(_CONTROL, se, m)
        want = long_numbers.sine(x) / long_numbers.cosine(x)
        assert units_off(got_se, got_m, want) < 0.5001, (hex(se), hex(m))


def test_arc_tangent_in_all_quadrants() -> None:
    rng = random.Random(5)
    for low, high in ((-2, 2), (-40, 40)):
        pairs = zip(
            long_numbers.numbers(rng, 40, low, high), long_numbers.numbers(rng, 40, low, high),
            strict=True,
        )  # fmt: skip
        for (se_y, m_y), (se_x, m_x) in pairs:
            y, x = value_of(se_y, m_y), value_of(se_x, m_x)
            want = long_numbers.arc_tangent(abs(y / x))
            want = long_numbers.PI - want if x < 0 else want
            se, m, _ = trigonometry.arc_tangent(_CONTROL, se_y, m_y, se_x, m_x)
            assert units_off(se, m, -want if y < 0 else want) < 0.5001, (hex(se_y), hex(m_y))


def test_one_over_one_is_an_eighth_of_the_circle() -> None:
    se, m, _ = trigonometry.arc_tangent(_CONTROL, BIAS, 1 << 63, BIAS, 1 << 63)
    assert units_off(se, m, long_numbers.PI / 4) < 0.5001


def test_rounding_mode_counts() -> None:
    down, up = 0x37F | 1 << 10, 0x37F | 2 << 10
    for se, m in long_numbers.numbers(random.Random(9), 20, -2, 2):
        x = long_numbers.sine(value_of(se, m))
        below = value_of(*trigonometry.sine(down, se, m)[:2])
        above = value_of(*trigonometry.sine(up, se, m)[:2])
        assert below < x < above
        assert above - below <= Fraction(2) ** -62
