"""Remainder, scaling and taking apart of 80-bit numbers.

Spec: AMD64 APM vol. 5, FPREM FPREM1 FSCALE FXTRACT.
State: none. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import slt, u64, wide
from hw.cpu.softfloat.conversion import from_integer
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
    round_pack,
    sign_of,
)
from hw.cpu.subset import noinline

#: Condition bit C2: the reduction is not complete.
INCOMPLETE: Final = 1 << 10
#: A scale beyond this overflows or underflows whatever it is applied to.
_FAR: Final = 0x10000


def _quotient_bits(quotient: int) -> int:
    """The three lowest bits as C1, C3 and C0."""
    return (quotient & 1) << 9 | (quotient >> 1 & 1) << 14 | (quotient >> 2 & 1) << 8


def _divide(rest: int, divisor: int, turns: int) -> tuple[int, int]:
    """Rest and quotient of rest * 2**turns by the divisor, bit by bit."""
    quotient = 0
    while True:
        quotient = u64(quotient << 1)
        if rest >= divisor:
            rest = rest - divisor
            quotient |= 1
        if turns == 0:
            break
        rest = rest << 1
        turns -= 1
    return rest, quotient


@noinline
def remainder(
    control: int, se_a: int, m_a: int, se_b: int, m_b: int, to_nearest: int
) -> tuple[int, int, int, int]:
    """The exact remainder of a by b, its quotient cut (FPREM) or rounded (FPREM1).

    Also the condition bits. Of exponents 64 or more apart at most 63 bits are taken off at once.
    """
    if not (is_number(se_a, m_a) and is_number(se_b, m_b)):
        se, m, flags = nan_of_two(se_a, m_a, se_b, m_b)
        return se, m, flags, 0
    if is_infinite(se_a, m_a) or is_zero(se_b, m_b):
        se, m, flags = invalid()
        return se, m, flags, 0
    flags = denormal(se_a, m_a) | denormal(se_b, m_b)
    if is_infinite(se_b, m_b) or m_a == 0:
        se, m, flags = _exact(control, se_a, m_a, flags)
        return se, m, flags, 0
    exponent, significand_a = normalized(se_a, m_a)
    exponent_b, significand_b = normalized(se_b, m_b)
    distance = u64(exponent - exponent_b)
    if slt(distance, u64(0 - to_nearest)):
        se, m, flags = _exact(control, se_a, m_a, flags)
        return se, m, flags, 0
    rest = wide(significand_a)
    divisor = wide(significand_b)
    quotient = 0
    conditions = 0
    if distance == u64(0 - 1):
        divisor = divisor << 1
    else:
        turns = distance
        if slt(63, distance):
            turns = (distance & 31) | 32
            conditions = INCOMPLETE
        exponent = u64(exponent - turns)
        rest, quotient = _divide(rest, divisor, turns)
    sign = sign_of(se_a)
    if conditions == 0:
        odd = quotient & 1 == 1
        above = rest << 1 > divisor or (rest << 1 == divisor and odd)
        if to_nearest == 1 and above:
            rest = divisor - rest
            sign = sign ^ 1
            quotient = u64(quotient + 1)
        conditions = _quotient_bits(quotient)
    if rest == 0:
        return sign_of(se_a) << 15, 0, flags, conditions
    se, m, flags = normalize_pack(
        control, 64, sign, u64(exponent + 64), u64(rest >> 64), u64(rest), flags
    )
    return se, m, flags, conditions


def _exact(control: int, se: int, m: int, flags: int) -> tuple[int, int, int]:
    """A finite number as a result: a denormal is normalized or raises underflow if not masked."""
    if m == 0:
        return se, m, flags
    exponent, significand = normalized(se, m)
    return round_pack(control, 64, sign_of(se), exponent, significand, 0, flags)


@noinline
def scale(control: int, se_a: int, m_a: int, se_b: int, m_b: int) -> tuple[int, int, int]:
    """A * 2**b, b cut to an integer."""
    if not (is_number(se_a, m_a) and is_number(se_b, m_b)):
        return nan_of_two(se_a, m_a, se_b, m_b)
    sign = sign_of(se_a)
    down = sign_of(se_b) == 1
    flags = denormal(se_a, m_a) | denormal(se_b, m_b)
    if is_infinite(se_b, m_b):
        if (is_infinite(se_a, m_a) and down) or (is_zero(se_a, m_a) and not down):
            return invalid()
        if down:
            return sign << 15, 0, flags
        return sign << 15 | (0 if m_a == 0 else SPECIAL), (0 if m_a == 0 else TOP), flags
    if is_infinite(se_a, m_a) or m_a == 0:
        return se_a, m_a, flags
    exponent, significand = normalized(se_a, m_a)
    exponent_b, significand_b = normalized(se_b, m_b)
    by = _FAR
    if slt(exponent_b, BIAS):
        by = 0
    elif exponent_b < BIAS + 16:
        by = significand_b >> (BIAS + 63 - exponent_b)
    exponent = u64(exponent - by) if down else u64(exponent + by)
    return round_pack(control, 64, sign, exponent, significand, 0, flags)


@noinline
def extract(se: int, m: int) -> tuple[int, int, int, int, int]:
    """Exponent as a number, significand as a number (each two integers), exceptions."""
    if not is_number(se, m):
        nan_se, nan, flags = nan_of(se, m)
        return nan_se, nan, nan_se, nan, flags
    if is_infinite(se, m):
        return SPECIAL, TOP, se, m, 0
    if m == 0:
        return 0x8000 | SPECIAL, TOP, se, m, ZERO_DIVIDE
    exponent, significand = normalized(se, m)
    power_se, power = from_integer(u64(exponent - BIAS))
    return power_se, power, (se & 0x8000) | BIAS, significand, denormal(se, m)
