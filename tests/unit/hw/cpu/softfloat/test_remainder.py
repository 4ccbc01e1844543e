"""Remainders, scaling and extraction against exact fractions."""

import random

from hw.cpu.softfloat import remainder
from hw.cpu.softfloat.number import BIAS, SPECIAL, TOP, ZERO_DIVIDE
from tests.support.long_numbers import numbers, value_of

_CONTROL = 0x37F
_ONE = (BIAS, TOP)


def test_remainder_is_exact_and_tells_its_quotient() -> None:
    rng = random.Random(1)
    for a, b in zip(numbers(rng, 300, -5, 50), numbers(rng, 300, -5, 5), strict=True):
        x, y = value_of(*a), value_of(*b)
        for nearest in (0, 1):
            quotient = round(x / y) if nearest else int(x / y)
            se, m, flags, conditions = remainder.remainder(_CONTROL, *a, *b, nearest)
            assert value_of(se, m) == x - quotient * y
            bits = conditions >> 9 & 1 | conditions >> 13 & 2 | conditions >> 6 & 4
            assert (bits, flags) == (abs(quotient) & 7, 0)


def test_far_exponents_are_reduced_in_steps() -> None:
    a, b = (BIAS + 200, TOP | 12345), (BIAS, 3 << 62)
    x, y = value_of(*a), value_of(*b)
    conditions = remainder.INCOMPLETE
    while conditions & remainder.INCOMPLETE:
        *a_list, _, conditions = remainder.remainder(_CONTROL, *a, *b, 0)
        a = (a_list[0], a_list[1])
    assert value_of(*a) == x - int(x / y) * y


def test_scale_cuts_its_power() -> None:
    number = (BIAS + 3, 5 << 61)
    almost_three = (BIAS + 1, (3 << 62) - 1)
    se, m, flags = remainder.scale(_CONTROL, *number, *almost_three)
    assert (value_of(se, m), flags) == (4 * value_of(*number), 0)
    minus_infinity = (0x8000 | SPECIAL, TOP)
    assert remainder.scale(_CONTROL, *number, *minus_infinity) == (0, 0, 0)


def test_extract() -> None:
    for se, m in numbers(random.Random(3), 100, -16000, 16000):
        power_se, power, part_se, part, flags = remainder.extract(se, m)
        assert 1 <= abs(value_of(part_se, part)) < 2
        assert (part_se & 0x8000, part, flags) == (se & 0x8000, m, 0)
        assert value_of(power_se, power) == (se & 0x7FFF) - BIAS
    assert remainder.extract(0, 0)[4] == ZERO_DIVIDE
    assert remainder.extract(*_ONE)[:2] == (0, 0)
