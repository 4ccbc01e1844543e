"""Sums, products, quotients, roots and comparisons against exact fractions."""

import random
from collections.abc import Callable
from fractions import Fraction
from math import isqrt

import pytest

from hw.cpu.softfloat import arithmetic
from hw.cpu.softfloat.arithmetic import EQUAL, GREATER, LESS, UNORDERED
from hw.cpu.softfloat.number import BIAS, INVALID, SPECIAL, TOP, ZERO_DIVIDE
from tests.support.long_numbers import numbers, rounded, units_off, value_of

_CONTROL = 0x37F
_PRECISIONS = {0: 24, 2: 53, 3: 64}
_ONE = (BIAS, TOP)

OPERATIONS: dict[str, tuple[Callable[..., tuple[int, int, int]], Callable[..., Fraction]]] = {
    "add": (lambda c, *n: arithmetic.add(c, *n, 0), lambda a, b: a + b),
    "subtract": (lambda c, *n: arithmetic.add(c, *n, 1), lambda a, b: a - b),
    "multiply": (arithmetic.multiply, lambda a, b: a * b),
    "divide": (arithmetic.divide, lambda a, b: a / b),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_rounded_once(name: str) -> None:
    got, exact = OPERATIONS[name]
    rng = random.Random(name)
    pairs = zip(numbers(rng, 300, -70, 70), numbers(rng, 300, -70, 70), strict=True)
    for a, b in pairs:
        mode, choice = rng.randrange(4), rng.choice(list(_PRECISIONS))
        control = 0x7F | choice << 8 | mode << 10
        se, m, _ = got(control, *a, *b)
        want = exact(value_of(*a), value_of(*b))
        assert value_of(se, m) == rounded(want, _PRECISIONS[choice], mode), (a, b)


def test_square_root() -> None:
    for se, m in numbers(random.Random(4), 200, -90, 90):
        root_se, root, _ = arithmetic.square_root(_CONTROL, se & 0x7FFF, m)
        value = value_of(se & 0x7FFF, m)
        near = Fraction(isqrt(int(value * 4**400)), 2**400)
        assert units_off(root_se, root, near) <= 0.5


def test_exact_zero_has_the_sign_of_the_rounding_mode() -> None:
    minus_one = (0x8000 | BIAS, TOP)
    assert arithmetic.add(_CONTROL, *_ONE, *minus_one, 0) == (0, 0, 0)
    assert arithmetic.add(_CONTROL | 1 << 10, *_ONE, *minus_one, 0) == (0x8000, 0, 0)


def test_invalid_operations_and_division_by_zero() -> None:
    infinity, zero = (SPECIAL, TOP), (0, 0)
    for got in (
        arithmetic.add(_CONTROL, *infinity, *infinity, 1),
        arithmetic.multiply(_CONTROL, *infinity, *zero),
        arithmetic.divide(_CONTROL, *zero, *zero),
        arithmetic.square_root(_CONTROL, 0x8000 | BIAS, TOP),
    ):
        assert got == (0xFFFF, 3 << 62, INVALID)
    assert arithmetic.divide(_CONTROL, *_ONE, *zero) == (SPECIAL, TOP, ZERO_DIVIDE)


def test_comparison() -> None:
    numbers_ = list(numbers(random.Random(6), 40, -1, 1))
    for a in numbers_:
        for b in numbers_:
            x, y = value_of(*a), value_of(*b)
            want = LESS if x < y else GREATER if x > y else EQUAL
            assert arithmetic.compare(*a, *b, 0) == (want, 0)
    quiet_nan = (SPECIAL, 3 << 62)
    assert arithmetic.compare(*_ONE, *quiet_nan, 0) == (UNORDERED, INVALID)
    assert arithmetic.compare(*_ONE, *quiet_nan, 1) == (UNORDERED, 0)
    assert arithmetic.compare(0, 0, 0x8000, 0, 0) == (EQUAL, 0)
