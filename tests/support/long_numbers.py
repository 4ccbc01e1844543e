"""80-bit numbers as exact fractions, and functions of them to 60 decimal digits, for tests."""

import random
from collections.abc import Iterator
from decimal import Decimal, getcontext
from fractions import Fraction
from math import isqrt

BIAS = 0x3FFF
_DIGITS = 120


def value_of(se: int, m: int) -> Fraction:
    """The value of a finite number."""
    exponent = (se & 0x7FFF or 1) - BIAS - 63
    magnitude = m * Fraction(2) ** exponent
    return -magnitude if se & 0x8000 else magnitude


def units_off(se: int, m: int, want: Fraction) -> float:
    """Distance of a number from a value, in units of its last place."""
    exponent = (se & 0x7FFF or 1) - BIAS - 63
    return abs(float((value_of(se, m) - want) / Fraction(2) ** exponent))


def numbers(rng: random.Random, count: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Random normal numbers with exponents (without bias) in a range."""
    for _ in range(count):
        m = 1 << 63 | rng.getrandbits(63)
        if rng.random() < 0.3:
            m &= ~((1 << rng.randrange(63)) - 1)
        yield rng.getrandbits(1) << 15 | (BIAS + rng.randint(low, high)), m


def _series(first: Fraction, ratio: Fraction, sign: int, step: int, start: int) -> Fraction:
    """``first`` * (1 + sign * ratio / ((start)(start + 1)) + ...): sine's and cosine's kind."""
    bits = 400
    term, total, k = round(first * 2**bits), 0, start
    scaled = round(ratio * 2**bits)
    while term:
        total += term
        term = sign * (term * scaled >> bits) // (k * (k + 1))
        k += step
    return Fraction(total, 2**bits)


def _arc_series(n: int) -> Fraction:
    """Arc tangent of 1 / n to 1,200 bits."""
    total, power, k = 0, (1 << 1200) // n, 0
    while power:
        total += (-1) ** k * (power // (2 * k + 1))
        power //= n * n
        k += 1
    return Fraction(total, 1 << 1200)


PI = 16 * _arc_series(5) - 4 * _arc_series(239)


def _rest(x: Fraction) -> tuple[int, Fraction]:
    turns = round(x / (PI / 2))
    return turns & 3, x - turns * PI / 2


def sine(x: Fraction) -> Fraction:
    """sin(x)."""
    quadrant, r = _rest(x)
    value = (
        r * _series(Fraction(1), r * r, -1, 2, 2)
        if quadrant & 1 == 0
        else _series(Fraction(1), r * r, -1, 2, 1)
    )
    return -value if quadrant & 2 else value


def cosine(x: Fraction) -> Fraction:
    """cos(x)."""
    quadrant, r = _rest(x)
    value = (
        _series(Fraction(1), r * r, -1, 2, 1)
        if quadrant & 1 == 0
        else r * _series(Fraction(1), r * r, -1, 2, 2)
    )
    return -value if quadrant in (1, 2) else value


def arc_tangent(t: Fraction) -> Fraction:
    """atan(t) of t >= 0, halving the angle until the series is quick."""
    bits = 700
    if t > 1:
        return PI / 2 - arc_tangent(1 / t)
    halvings = 0
    while t > Fraction(1, 16):
        root = Fraction(isqrt(int((1 + t * t) * 4**bits)), 2**bits)
        t = Fraction(round(t / (1 + root) * 2**bits), 2**bits)
        halvings += 1
    total, power, k = Fraction(0), t, 0
    while k < 4 or abs(power) > Fraction(1, 2**500) * t:
        total += (-1) ** k * power / (2 * k + 1)
        power = power * t * t
        if power.denominator.bit_length() > 4000:
            power = Fraction(round(power * 2**3000), 2**3000)
        k += 1
    return total * 2**halvings


def log2(x: Fraction) -> Fraction:
    """Logarithm to base 2, good to 60 digits of the result near 1, too."""
    getcontext().prec = _DIGITS
    number = Decimal(x.numerator) / Decimal(x.denominator)
    return Fraction(number.ln() / Decimal(2).ln())


def power_minus_1(x: Fraction) -> Fraction:
    """2**x - 1."""
    getcontext().prec = _DIGITS
    number = Decimal(x.numerator) / Decimal(x.denominator)
    return Fraction((number * Decimal(2).ln()).exp() - 1)


def rounded(value: Fraction, precision: int, mode: int) -> Fraction:
    """A value at so many bits, by an x87 rounding mode, in unlimited range."""
    if value == 0:
        return value
    exponent = 0
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent - precision + 1)
    below = value // unit
    if mode == 0:
        steps = round(value / unit)
    elif mode == 3:
        steps = int(value / unit)
    else:
        steps = below if mode == 1 or below * unit == value else below + 1
    return steps * unit
