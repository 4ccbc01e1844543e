"""Sine, cosine, tangent, arc tangent of 80-bit numbers: the true value, rounded once.

Arguments are reduced by pi to 257 bits, so that the error is below one unit in the last place in
the whole range, near multiples of pi, too. Processors differ here from each other (some know pi to
66 bits); this definition is the same on every host.

Spec: AMD64 APM vol. 5, FSIN FCOS FSINCOS FPTAN FPATAN.
State: none. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import slt, u64, wide
from hw.cpu.softfloat.constants import (
    HALF_PI_126,
    HALF_PI_FRACTION,
    PI,
    PI_126,
    ROOT_3_126,
    SIXTH_PI_126,
    TAN_PI_12_126,
    TWO_OVER_PI_128,
)
from hw.cpu.softfloat.number import (
    BIAS,
    TOP,
    denormal,
    exponent_of,
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
    arc_tangent_series,
    cosine_series,
    leading,
    multiply_high,
    quotient,
    sine_series,
)
from hw.cpu.subset import noinline

#: Exponent from which on arguments are out of range.
LIMIT: Final = BIAS + 63
_PRECISION: Final = 64
_ONE_126: Final = 1 << 126


def _pair(high: int, low_word: int) -> int:
    return wide(high) << 64 | low_word


def _minus(a_high: int, a_low: int, b_high: int, b_low: int) -> tuple[int, int]:
    value = (wide(a_high) << 64 | a_low) - (wide(b_high) << 64 | b_low)
    return u64(value >> 64), u64(value)


@noinline
def reduce(exponent: int, m: int) -> tuple[int, int, int, int, int]:
    """A positive number as n * pi/2 + r, r from -pi/4 to pi/4.

    Returns n modulo 4, the sign of r, and the exponent and 128 bits of r.
    """
    if exponent < BIAS - 1 or (exponent == BIAS - 1 and m < PI[1]) or slt(exponent, 0):
        return 0, 0, exponent, m, 0
    x = wide(m) << (exponent - BIAS + 1)  # 64 fraction bits
    turns_high, turns_low = multiply_high(
        u64(x >> 64), u64(x), TWO_OVER_PI_128[0], TWO_OVER_PI_128[1]
    )
    n = u64(turns_high + (turns_low >> 63))
    # n * pi/2 - x: an integer word and four fraction words
    part = wide(n) * HALF_PI_FRACTION[3]
    fourth = u64(part)
    part = wide(n) * HALF_PI_FRACTION[2] + (part >> 64)
    third = u64(part)
    part = wide(n) * HALF_PI_FRACTION[1] + (part >> 64)
    second = u64(part)
    part = wide(n) * HALF_PI_FRACTION[0] + (part >> 64) - u64(x)
    first = u64(part)
    whole = u64(n + u64(part >> 64) - u64(x >> 64))
    # where that is negative r is positive, and its words are the complements
    flip = u64(0 - (whole >> 63))
    sign = (whole >> 63) ^ 1
    if first ^ flip != 0:
        value = wide(first ^ flip) << 64 | (second ^ flip)
        exponent, high, low_word = _leading_192(value, third ^ flip, BIAS - 1)
    else:
        value = wide(second ^ flip) << 64 | (third ^ flip)
        exponent, high, low_word = _leading_192(value, fourth ^ flip, BIAS - 65)
    return n & 3, sign, exponent, high, low_word


def _leading_192(value: int, below: int, exponent: int) -> tuple[int, int, int]:
    """Exponent and the first 128 of 192 bits."""
    while value >> 127 == 0:
        value = value << 1 | below >> 63
        below = u64(below << 1)
        exponent = u64(exponent - 1)
    return exponent, u64(value >> 64), u64(value)


def _square(exponent: int, high: int, low_word: int) -> tuple[int, int]:
    """The square of a number below 1, with 128 fraction bits."""
    fixed_high, fixed_low = shift_right_jam(high, low_word, u64(BIAS - 1 - exponent))
    return multiply_high(fixed_high, fixed_low, fixed_high, fixed_low)


def _shrunk(high: int, low_word: int, by_high: int, by_low: int) -> tuple[int, int]:
    """A significand times (1 - by), a little less."""
    part_high, part_low = multiply_high(high, low_word, by_high, by_low)
    less_high, less_low = _minus(high, low_word, part_high, part_low)
    return _minus(less_high, less_low, 0, 1)


@noinline
def _sine_of_rest(exponent: int, high: int, low_word: int) -> tuple[int, int, int]:
    """sin(r) of 0 < r <= pi/4."""
    z_high, z_low = _square(exponent, high, low_word)
    x_high, x_low = sine_series(z_high, z_low)
    sine_high, sine_low = _shrunk(high, low_word, x_high, x_low)
    return leading(_pair(sine_high, sine_low), exponent)


@noinline
def _cosine_of_rest(exponent: int, high: int, low_word: int) -> tuple[int, int, int]:
    """cos(r) of 0 < r <= pi/4."""
    z_high, z_low = _square(exponent, high, low_word)
    x_high, x_low = cosine_series(z_high, z_low)
    cosine_high, cosine_low = _minus(0, 0, x_high, x_low | 1)
    return leading(_pair(cosine_high, cosine_low), BIAS - 1)


def _special(se: int, m: int) -> tuple[int, int, int]:
    """Result for infinities and NaNs."""
    if is_infinite(se, m):
        return invalid()
    return nan_of(se, m)


def in_range(se: int, m: int) -> bool:
    """Whether FSIN and its like take the argument; NaNs and infinities are answered."""
    return exponent_of(se) < LIMIT or not is_number(se, m) or is_infinite(se, m)


@noinline
def sine(control: int, se: int, m: int) -> tuple[int, int, int]:
    """The sine of a number in range."""
    if not is_number(se, m) or is_infinite(se, m):
        return _special(se, m)
    if m == 0:
        return se, m, 0
    return _sine_from(control, se, m, sign_of(se), 0)


@noinline
def cosine(control: int, se: int, m: int) -> tuple[int, int, int]:
    """The cosine of a number in range."""
    if not is_number(se, m) or is_infinite(se, m):
        return _special(se, m)
    if m == 0:
        return BIAS, TOP, 0
    return _sine_from(control, se, m, 0, 1)


def _sine_from(control: int, se: int, m: int, sign: int, quadrants: int) -> tuple[int, int, int]:
    """The sine of a number other than zero, without its sign, ``quadrants`` further on."""
    exponent, significand = normalized(se, m)
    quadrant, rest_sign, exponent, high, low_word = reduce(exponent, significand)
    quadrant = quadrant + quadrants & 3
    sign = sign ^ quadrant >> 1
    if quadrant & 1 == 1:
        exponent, high, low_word = _cosine_of_rest(exponent, high, low_word)
    else:
        exponent, high, low_word = _sine_of_rest(exponent, high, low_word)
        sign = sign ^ rest_sign
    return normalize_pack(control, _PRECISION, sign, exponent, high, low_word | 1, denormal(se, m))


@noinline
def tangent(control: int, se: int, m: int) -> tuple[int, int, int]:
    """The tangent of a number in range."""
    if not is_number(se, m) or is_infinite(se, m):
        return _special(se, m)
    if m == 0:
        return se, m, 0
    exponent, significand = normalized(se, m)
    quadrant, rest_sign, exponent, high, low_word = reduce(exponent, significand)
    sine_exponent, sine_high, sine_low = _sine_of_rest(exponent, high, low_word)
    cosine_exponent, cosine_high, cosine_low = _cosine_of_rest(exponent, high, low_word)
    sign = sign_of(se) ^ rest_sign ^ (quadrant & 1)
    if quadrant & 1 == 0:
        high, low_word = quotient(sine_high, sine_low, cosine_high, cosine_low)
        exponent = u64(sine_exponent - cosine_exponent)
    else:
        high, low_word = quotient(cosine_high, cosine_low, sine_high, sine_low)
        exponent = u64(cosine_exponent - sine_exponent)
    return normalize_pack(
        control, _PRECISION, sign, u64(exponent + BIAS), high, low_word | 1, denormal(se, m)
    )


@noinline
def _arc_of_ratio(exponent: int, high: int, low_word: int) -> tuple[int, int, int]:
    """atan(t), t at most tan(pi/12)."""
    z_high, z_low = _square(exponent, high, low_word)
    x_high, x_low = arc_tangent_series(z_high, z_low)
    angle_high, angle_low = _shrunk(high, low_word, x_high, x_low)
    return leading(_pair(angle_high, angle_low), exponent)


def _to_126(exponent: int, high: int, low_word: int) -> int:
    """A number below 4 with 126 fraction bits."""
    fixed_high, fixed_low = shift_right_jam(high, low_word, u64(BIAS + 1 - exponent))
    return wide(fixed_high) << 64 | fixed_low


def _fixed(words: tuple[int, int]) -> int:
    """A constant of two words."""
    return wide(words[0]) << 64 | words[1]


@noinline
def _arc(exponent: int, high: int, low_word: int) -> tuple[int, int, int]:
    """atan(t) of 0 < t <= 1; beyond tan(pi/12) as pi/6 + atan((t * root 3 - 1) / (root 3 + t))."""
    t = _to_126(exponent, high, low_word)
    if t <= _fixed(TAN_PI_12_126):
        return _arc_of_ratio(exponent, high, low_word)
    product_high, product_low = multiply_high(u64(t >> 64), u64(t), ROOT_3_126[0], ROOT_3_126[1])
    product = (wide(product_high) << 64 | product_low) << 2
    below = product < _ONE_126
    top = _ONE_126 - product if below else product - _ONE_126
    angle = wide(0)
    if top != 0:
        bottom = t + _fixed(ROOT_3_126)
        n_exponent, n_high, n_low = leading(top, BIAS + 1)
        d_exponent, d_high, d_low = leading(bottom, BIAS + 1)
        q_high, q_low = quotient(n_high, n_low, d_high, d_low)
        ratio_exponent, q_high, q_low = leading(
            _pair(q_high, q_low), u64(n_exponent - d_exponent + BIAS)
        )
        ratio_exponent, q_high, q_low = _arc_of_ratio(ratio_exponent, q_high, q_low)
        angle = _to_126(ratio_exponent, q_high, q_low)
    total = _fixed(SIXTH_PI_126) - angle if below else _fixed(SIXTH_PI_126) + angle
    return leading(total, BIAS + 1)


def _angle(control: int, sign: int, value: int, flags: int) -> tuple[int, int, int]:
    """An angle with 126 fraction bits as a result."""
    return normalize_pack(
        control, _PRECISION, sign, BIAS + 1, u64(value >> 64), u64(value) | 1, flags
    )


@noinline
def arc_tangent(control: int, se_y: int, m_y: int, se_x: int, m_x: int) -> tuple[int, int, int]:
    """The angle of the point (x, y)."""
    if not (is_number(se_y, m_y) and is_number(se_x, m_x)):
        return nan_of_two(se_x, m_x, se_y, m_y)
    sign = sign_of(se_y)
    left = sign_of(se_x) == 1
    flags = denormal(se_y, m_y) | denormal(se_x, m_x)
    if is_infinite(se_y, m_y) and is_infinite(se_x, m_x):
        quarter = _fixed(HALF_PI_126) >> 1
        return _angle(control, sign, _fixed(PI_126) - quarter if left else quarter, flags)
    if is_zero(se_y, m_y) or is_infinite(se_x, m_x):
        if left:
            return _angle(control, sign, _fixed(PI_126), flags)
        return sign << 15, 0, flags
    if is_zero(se_x, m_x) or is_infinite(se_y, m_y):
        return _angle(control, sign, _fixed(HALF_PI_126), flags)
    exponent_y, significand_y = normalized(se_y, m_y)
    exponent_x, significand_x = normalized(se_x, m_x)
    steep = slt(exponent_x, exponent_y) or (
        exponent_x == exponent_y and significand_x < significand_y
    )
    if steep:
        exponent_y, exponent_x = exponent_x, exponent_y
        significand_y, significand_x = significand_x, significand_y
    high, low_word = quotient(significand_y, 0, significand_x, 0)
    exponent, high, low_word = leading(_pair(high, low_word), u64(exponent_y - exponent_x + BIAS))
    exponent, high, low_word = _arc(exponent, high, low_word)
    if steep or left:
        angle = _to_126(exponent, high, low_word)
        if steep:
            angle = _fixed(HALF_PI_126) - angle
        return _angle(control, sign, _fixed(PI_126) - angle if left else angle, flags)
    return normalize_pack(control, _PRECISION, sign, exponent, high, low_word | 1, flags)
