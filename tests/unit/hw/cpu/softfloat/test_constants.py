"""The constants against Python's decimal logarithms and the host's well-known pi."""

import math
from decimal import Decimal, getcontext
from fractions import Fraction

from hw.cpu.softfloat import constants
from tests.support.long_numbers import PI, value_of


def test_constants_are_the_nearest_numbers() -> None:
    getcontext().prec = 60
    two, ten = Decimal(2).ln(), Decimal(10).ln()
    want = {"1": Decimal(1), "l2t": ten / two, "l2e": 1 / two, "lg2": two / ten, "ln2": two}
    for name, value in want.items():
        below = value_of(*constants.rounded(1, name))
        above = value_of(*constants.rounded(2, name))
        assert below <= Fraction(value) <= above
        assert above - below <= Fraction(2) ** -62
        assert value_of(*constants.rounded(0, name)) in (below, above)
    assert constants.rounded(0, "z") == (0, 0)


def test_pi() -> None:
    assert constants.rounded(0, "pi") == (0x4000, 0xC90F_DAA2_2168_C235)
    assert float(value_of(*constants.rounded(0, "pi"))) == math.pi
    words = constants.HALF_PI_FRACTION
    fraction = sum(word << shift for word, shift in zip(words, (192, 128, 64, 0), strict=True))
    assert 0 <= PI / 2 - 1 - Fraction(fraction, 1 << 256) < Fraction(1, 1 << 255)


def test_coefficients() -> None:
    high, low_word = constants.SINE[:2]
    assert (high << 64 | low_word) == (1 << 128) // 6
    assert len(constants.ODD_RECIPROCALS) % 2 == 0
