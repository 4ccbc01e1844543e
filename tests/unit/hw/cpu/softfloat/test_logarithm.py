"""Logarithms and powers of two against decimal arithmetic of 120 digits: within one unit."""

import random
from fractions import Fraction

from hw.cpu.softfloat import logarithm
from hw.cpu.softfloat.number import INEXACT
from tests.support import long_numbers
from tests.support.long_numbers import BIAS, units_off, value_of

_CONTROL = 0x37F
_ONE = (BIAS, 1 << 63)


def test_logarithm() -> None:
    rng = random.Random(1)
    for low, high in ((-1, 0), (-16000, 16000)):
        for se, m in long_numbers.numbers(rng, 40, low, high):
            (y,) = long_numbers.numbers(rng, 1, -8, 8)
            got_se, got_m, flags = logarithm.y_log2_x(_CONTROL, *y, se & 0x7FFF, m)
            want = value_of(*y) * long_numbers.log2(value_of(se & 0x7FFF, m))
            assert units_off(got_se, got_m, want) < 0.5001, (hex(se), hex(m))
            assert flags & INEXACT or m == 1 << 63


def test_logarithm_next_to_one() -> None:
    for m in (1 << 63 | 1, 1 << 63 | 12345):
        se, got, _ = logarithm.y_log2_x(_CONTROL, *_ONE, BIAS, m)
        assert units_off(se, got, long_numbers.log2(value_of(BIAS, m))) < 0.5001
    below = (BIAS - 1, (1 << 64) - 1)
    se, got, _ = logarithm.y_log2_x(_CONTROL, *_ONE, *below)
    assert units_off(se, got, long_numbers.log2(value_of(*below))) < 0.5001


def test_powers_of_two_are_exact() -> None:
    for power in (-16000, -1, 1, 10):
        se, m, flags = logarithm.y_log2_x(_CONTROL, *_ONE, BIAS + power, 1 << 63)
        assert (value_of(se, m), flags) == (power, 0)
    assert logarithm.y_log2_x(_CONTROL, *_ONE, *_ONE) == (0, 0, 0)


def test_logarithm_of_one_more() -> None:
    rng = random.Random(2)
    for low, high in ((-3, -3), (-60, -4)):
        for se, m in long_numbers.numbers(rng, 40, low, high):
            got_se, got_m, _ = logarithm.y_log2_x_plus_1(_CONTROL, *_ONE, se, m)
            want = long_numbers.log2(1 + value_of(se, m))
            assert units_off(got_se, got_m, want) < 0.5001, (hex(se), hex(m))


def test_power_minus_1() -> None:
    rng = random.Random(3)
    for low, high in ((-1, -1), (-50, -1)):
        for se, m in long_numbers.numbers(rng, 40, low, high):
            got_se, got_m, _ = logarithm.power_minus_1(_CONTROL, se, m)
            want = long_numbers.power_minus_1(value_of(se, m))
            assert units_off(got_se, got_m, want) < 0.5001, (hex(se), hex(m))
    assert value_of(*logarithm.power_minus_1(_CONTROL, *_ONE)[:2]) == 1
    minus_one = (0x8000 | BIAS, 1 << 63)
    assert value_of(*logarithm.power_minus_1(_CONTROL, *minus_one)[:2]) == Fraction(-1, 2)
