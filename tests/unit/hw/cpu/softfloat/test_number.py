"""Rounding to a precision, overflow, underflow, and which NaN comes out, against fractions."""

import random
from fractions import Fraction

import pytest

from hw.cpu.softfloat import number
from hw.cpu.softfloat.number import (
    BIAS,
    INEXACT,
    INVALID,
    OVERFLOW,
    QUIET,
    ROUNDED_UP,
    SPECIAL,
    TOP,
    UNDERFLOW,
)
from tests.support.long_numbers import rounded, value_of

_MASKED = 0x37F


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("precision", [24, 53, 64])
def test_rounding_is_that_of_fractions(mode: int, precision: int) -> None:
    rng = random.Random(mode * 100 + precision)
    control = _MASKED | mode << 10
    for _ in range(200):
        high, low_word = TOP | rng.getrandbits(63), rng.choice([0, 1, TOP, rng.getrandbits(64)])
        high &= ~((1 << rng.randrange(64)) - 1) | TOP
        sign = rng.getrandbits(1)
        exact = Fraction(high << 64 | low_word) * Fraction(2) ** (5 - BIAS - 127)
        exact *= Fraction(2) ** (BIAS - 5)
        exact = -exact if sign else exact
        se, m, flags = number.round_pack(control, precision, sign, BIAS, high, low_word, 0)
        want = rounded(exact, precision, mode)
        assert value_of(se, m) == want
        assert (flags & INEXACT != 0) == (want != exact)
        assert (flags & ROUNDED_UP != 0) == (abs(want) > abs(exact))


def test_overflow_and_underflow() -> None:
    se, m, flags = number.round_pack(_MASKED, 64, 0, SPECIAL, TOP, 0, 0)
    assert (se, m, flags) == (SPECIAL, TOP, OVERFLOW | INEXACT | ROUNDED_UP)
    towards_zero = _MASKED | 3 << 10
    se, m, flags = number.round_pack(towards_zero, 64, 1, SPECIAL, TOP, 0, 0)
    assert (se, m, flags) == (0x8000 | SPECIAL - 1, (1 << 64) - 1, OVERFLOW | INEXACT)
    se, m, flags = number.round_pack(_MASKED, 64, 0, 0, TOP, 1, 0)
    assert (se, m, flags) == (0, TOP >> 1, UNDERFLOW | INEXACT)
    assert number.round_pack(_MASKED, 64, 0, 0, TOP, 0, 0) == (0, TOP >> 1, 0), "exact: no flag"


def test_what_is_not_masked_moves_the_exponent() -> None:
    se, m, flags = number.round_pack(_MASKED & ~UNDERFLOW, 64, 0, 0, TOP, 0, 0)
    assert (se, m, flags) == (number.WRAP, TOP, UNDERFLOW)
    se, m, flags = number.round_pack(_MASKED & ~OVERFLOW, 64, 0, SPECIAL, TOP, 0, 0)
    assert (se, m, flags) == (SPECIAL - number.WRAP, TOP, OVERFLOW)


def test_of_two_nans_the_larger_comes_out_quiet() -> None:
    small, large = TOP | 1, TOP | 5
    assert number.nan_of_two(SPECIAL, small, SPECIAL, large) == (SPECIAL, large | QUIET, INVALID)
    quiet = TOP | QUIET | 1
    assert number.nan_of_two(SPECIAL, quiet, SPECIAL, large) == (SPECIAL, quiet, INVALID)
    assert number.nan_of_two(BIAS, TOP, SPECIAL, quiet) == (SPECIAL, quiet, 0)
    assert number.nan_of_two(BIAS, 1, SPECIAL, quiet) == number.invalid(), "an unsupported form"
