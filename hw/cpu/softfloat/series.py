"""Arithmetic of 128 bits and the series under the transcendental functions.

A 128-bit value is two words, high first. Products and quotients are cut; the error of a whole
function stays below 2**-115 of its result, against the 2**-64 to which it is rounded at last.

State: none. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import leading_zeros, lookup, u64, wide
from hw.cpu.softfloat.constants import COSINE, EXPONENTIAL, ODD_RECIPROCALS, SINE
from hw.cpu.subset import noinline

#: Of ``polynomial``: signs of the terms.
ALTERNATING: Final = 1
POSITIVE: Final = 0


@noinline
def _shift_of(high: int, low_word: int) -> int:
    return leading_zeros(high) if high != 0 else 64 + leading_zeros(low_word)


def leading(value: int, exponent: int) -> tuple[int, int, int]:
    """Exponent, high, low with the top bit set; of 128 bits that are not 0."""
    shift = _shift_of(u64(value >> 64), u64(value))
    return u64(exponent - shift), u64(value << shift >> 64), u64(value << shift)


@noinline
def multiply_high(a_high: int, a_low: int, b_high: int, b_low: int) -> tuple[int, int]:
    """The upper 128 bits of the product of two 128-bit values, at most 2 too small."""
    upper = wide(a_high) * b_high
    cross = (wide(a_high) * b_low >> 64) + (wide(a_low) * b_high >> 64)
    total = upper + cross
    return u64(total >> 64), u64(total)


@noinline
def quotient(n_high: int, n_low: int, d_high: int, d_low: int) -> tuple[int, int]:
    """n / d as a fraction of 128 bits, half of it: both have their top bit set."""
    rest = (wide(n_high) << 64 | n_low) >> 2
    divisor = (wide(d_high) << 64 | d_low) >> 1
    result = wide(0)
    turns = 128
    while turns != 0:
        rest = rest << 1
        result = result << 1
        if rest >= divisor:
            rest = rest - divisor
            result = result | 1
        turns -= 1
    return u64(result >> 64), u64(result)


def _polynomial(table: tuple[int, ...], signs: int, z_high: int, z_low: int) -> tuple[int, int]:
    """Z * (c0 + z * (c1 + ...)), or with alternating signs z * (c0 - z * (c1 - ...))."""
    high = 0
    low_word = 0
    k = len(table)
    while k != 0:
        k -= 2
        high, low_word = multiply_high(high, low_word, z_high, z_low)
        coefficient = wide(lookup(table, k)) << 64 | lookup(table, k + 1)
        term = wide(high) << 64 | low_word
        value = coefficient - term if signs == ALTERNATING else coefficient + term
        high = u64(value >> 64)
        low_word = u64(value)
    return multiply_high(high, low_word, z_high, z_low)


@noinline
def sine_series(z_high: int, z_low: int) -> tuple[int, int]:
    """1 - sin(r) / r, z = r * r."""
    return _polynomial(SINE, ALTERNATING, z_high, z_low)


@noinline
def cosine_series(z_high: int, z_low: int) -> tuple[int, int]:
    """1 - cos(r), z = r * r."""
    return _polynomial(COSINE, ALTERNATING, z_high, z_low)


@noinline
def arc_tangent_series(z_high: int, z_low: int) -> tuple[int, int]:
    """1 - atan(t) / t, z = t * t."""
    return _polynomial(ODD_RECIPROCALS, ALTERNATING, z_high, z_low)


@noinline
def area_tangent_series(z_high: int, z_low: int) -> tuple[int, int]:
    """atanh(t) / t - 1, z = t * t."""
    return _polynomial(ODD_RECIPROCALS, POSITIVE, z_high, z_low)


@noinline
def rising_exponential_series(w_high: int, w_low: int) -> tuple[int, int]:
    """(exp(w) - 1) / w - 1."""
    return _polynomial(EXPONENTIAL, POSITIVE, w_high, w_low)


@noinline
def falling_exponential_series(w_high: int, w_low: int) -> tuple[int, int]:
    """1 - (1 - exp(-w)) / w."""
    return _polynomial(EXPONENTIAL, ALTERNATING, w_high, w_low)
