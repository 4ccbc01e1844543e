"""Logarithms and powers of two of 80-bit numbers: the true value, rounded once.

log2(f) = 2 / ln 2 * atanh((f - 1) / (f + 1)), f in [3/4, 3/2); 2**x - 1 by the exponential series.

Spec: AMD64 APM vol. 5, FYL2X FYL2XP1 F2XM1.
State: none. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import flag, slt, u64, wide
from hw.cpu.softfloat.arithmetic import add
from hw.cpu.softfloat.constants import LN2, LOG2_E
from hw.cpu.softfloat.number import (
    BIAS,
    SPECIAL,
    TOP,
    ZERO_DIVIDE,
    denormal,
    invalid,
    is_infinite,
    is_number,
    is_zero,
    nan_of,
    nan_of_two,
    normalize_pack,
    normalized,
    shift_right_jam,
    sign_of,
)
from hw.cpu.softfloat.series import (
    area_tangent_series,
    falling_exponential_series,
    leading,
    multiply_high,
    quotient,
    rising_exponential_series,
)
from hw.cpu.subset import noinline

_PRECISION: Final = 64
#: Fraction bits where an integer of at most 15 bits is added.
_SUM_POINT: Final = 112
_THREE_HALVES: Final = 3 << 62


@noinline
def _log_of_ratio(n_high: int, n_low: int, d_high: int, d_low: int, exponent: int) -> tuple[
    int, int, int
]:  # fmt: skip
    """2 / ln 2 * atanh(n / d), both with the top bit set; n / d counts 2**(exponent - BIAS)."""
    high, low_word = quotient(n_high, n_low, d_high, d_low)
    exponent, high, low_word = leading(wide(high) << 64 | low_word, exponent)
    fixed_high, fixed_low = shift_right_jam(high, low_word, u64(BIAS - 1 - exponent))
    z_high, z_low = multiply_high(fixed_high, fixed_low, fixed_high, fixed_low)
    x_high, x_low = area_tangent_series(z_high, z_low)
    half = (wide(high) << 64 | low_word) >> 1
    part_high, part_low = multiply_high(u64(half >> 64), u64(half), x_high, x_low)
    total = half + (wide(part_high) << 64 | part_low)
    high, low_word = multiply_high(u64(total >> 64), u64(total), LOG2_E[1], LOG2_E[2])
    # doubled, halved above, and log2(e) counts 1 in its exponent and 1 in its point
    return leading(wide(high) << 64 | low_word, u64(exponent + 3))


@noinline
def _log2(exponent: int, m: int) -> tuple[int, int, int, int]:
    """log2 of a positive number: sign, exponent, 128 bits; all 0 where it is 0."""
    power = u64(exponent - BIAS)
    one = wide(1) << 63
    if m >= _THREE_HALVES:
        power = u64(power + 1)
        one = wide(1) << 64
    below = wide(m) < one
    top = one - m if below else m - one
    log_sign = flag(below)
    total = wide(0)
    if top != 0:
        n_exponent, n_high, n_low = leading(top, BIAS)
        d_exponent, d_high, d_low = leading(one + m, BIAS)
        exponent, high, low_word = _log_of_ratio(
            n_high, n_low, d_high, d_low, u64(n_exponent - d_exponent + BIAS)
        )
        if power == 0:
            return log_sign, exponent, high, low_word
        high, low_word = shift_right_jam(high, low_word, u64(BIAS + 15 - exponent))
        total = wide(high) << 64 | low_word
    sign = power >> 63
    whole = wide(u64(0 - power) if sign == 1 else power) << _SUM_POINT
    total = whole + total if sign == log_sign else whole - total
    if total == 0:
        return 0, 0, 0, 0
    exponent, high, low_word = leading(total, BIAS + 15)
    return sign, exponent, high, low_word


def _infinite(sign: int, flags: int) -> tuple[int, int, int]:
    return sign << 15 | SPECIAL, TOP, flags


@noinline
def y_log2_x(control: int, se_y: int, m_y: int, se_x: int, m_x: int) -> tuple[int, int, int]:
    """Y * log2(x)."""
    if not (is_number(se_y, m_y) and is_number(se_x, m_x)):
        return nan_of_two(se_x, m_x, se_y, m_y)
    sign = sign_of(se_y)
    if is_zero(se_x, m_x):
        if m_y == 0:
            return invalid()
        return _infinite(sign ^ 1, 0 if is_infinite(se_y, m_y) else ZERO_DIVIDE)
    if sign_of(se_x) == 1:
        return invalid()
    flags = denormal(se_y, m_y) | denormal(se_x, m_x)
    if is_infinite(se_x, m_x):
        if is_zero(se_y, m_y):
            return invalid()
        return _infinite(sign, flags)
    exponent_x, significand_x = normalized(se_x, m_x)
    if is_infinite(se_y, m_y):
        if exponent_x == BIAS and significand_x == TOP:
            return invalid()
        return _infinite(sign ^ flag(slt(exponent_x, BIAS)), flags)
    if m_y == 0:
        return (sign ^ flag(slt(exponent_x, BIAS))) << 15, 0, flags
    log_sign, log_exponent, log_high, log_low = _log2(exponent_x, significand_x)
    if log_high == 0:
        return sign << 15, 0, flags
    exact = flag(significand_x != TOP)
    return _product(
        control, se_y, m_y, sign ^ log_sign, log_exponent, log_high, log_low | exact, flags
    )


def _product(
    control: int, se_y: int, m_y: int, sign: int, exponent: int, high: int, low_word: int,
    flags: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Y times a logarithm."""
    exponent_y, significand_y = normalized(se_y, m_y)
    tail = low_word & 1
    high, low_word = multiply_high(significand_y, 0, high, low_word)
    return normalize_pack(
        control, _PRECISION, sign, u64(exponent_y + exponent - BIAS + 1), high, low_word | tail,
        flags,
    )  # fmt: skip


@noinline
def y_log2_x_plus_1(control: int, se_y: int, m_y: int, se_x: int, m_x: int) -> tuple[int, int, int]:
    """Y * log2(x + 1); beyond a half, which is out of range, of the rounded sum."""
    if not (is_number(se_y, m_y) and is_number(se_x, m_x)):
        return nan_of_two(se_x, m_x, se_y, m_y)
    sign = sign_of(se_y) ^ sign_of(se_x)
    flags = denormal(se_y, m_y) | denormal(se_x, m_x)
    if is_infinite(se_y, m_y):
        if m_x == 0:
            return invalid()
        return _infinite(sign, flags)
    exponent_x, significand_x = normalized(se_x, m_x)
    if not slt(exponent_x, BIAS - 1):
        se_x, m_x, rounded = add(control, se_x, m_x, BIAS, TOP, 0)
        se, m, flags = y_log2_x(control, se_y, m_y, se_x, m_x)
        return se, m, flags | rounded
    if m_x == 0 or m_y == 0:
        return sign << 15, 0, flags
    # x / (2 + x), the divisor with 126 fraction bits
    high, low_word = shift_right_jam(significand_x, 0, u64(BIAS + 1 - exponent_x))
    fixed = wide(high) << 64 | low_word
    two = wide(1) << 127
    d_exponent, d_high, d_low = leading(
        two - fixed if sign_of(se_x) == 1 else two + fixed, BIAS + 1
    )
    exponent, high, low_word = _log_of_ratio(
        significand_x, 0, d_high, d_low, u64(exponent_x - d_exponent + BIAS)
    )
    return _product(control, se_y, m_y, sign, exponent, high, low_word | 1, flags)


@noinline
def power_minus_1(control: int, se: int, m: int) -> tuple[int, int, int]:
    """2**x - 1 of x between -1 and 1; beyond, x itself."""
    if not is_number(se, m):
        return nan_of(se, m)
    negative = sign_of(se) == 1
    if is_infinite(se, m):
        return (0x8000 | BIAS if negative else se), m, 0
    exponent, significand = normalized(se, m)
    if m == 0 or not slt(exponent, BIAS):
        return (se - 1 if negative and exponent == BIAS and significand == TOP else se), m, 0
    high, low_word = multiply_high(significand, 0, LN2[1], LN2[2])
    exponent, high, low_word = leading(wide(high) << 64 | low_word, exponent)
    w_high, w_low = shift_right_jam(high, low_word, u64(BIAS - 1 - exponent))
    half = (wide(high) << 64 | low_word) >> 1
    if negative:
        x_high, x_low = falling_exponential_series(w_high, w_low)
    else:
        x_high, x_low = rising_exponential_series(w_high, w_low)
    part_high, part_low = multiply_high(u64(half >> 64), u64(half), x_high, x_low)
    part = wide(part_high) << 64 | part_low
    total = half - part if negative else half + part
    return normalize_pack(
        control, _PRECISION, sign_of(se), u64(exponent + 1), u64(total >> 64), u64(total) | 1,
        denormal(se, m),
    )  # fmt: skip
