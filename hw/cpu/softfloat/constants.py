"""Pi, logarithms and the coefficients of series to 128 bits, computed here from integers.

Spec: AMD64 APM vol. 5, FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ.
State: none. Context: any.
"""

from collections.abc import Iterable
from math import factorial, isqrt
from typing import Final

from hw.cpu.softfloat.number import BIAS, round_bits

#: Fraction bits of the integers here.
_POINT: Final = 320
_MASK: Final = (1 << 64) - 1


def _inverse_series(n: int, sign: int) -> int:
    """Arc tangent (``sign`` -1) or area tangent (1) of 1 / n."""
    total, power, k = 0, (1 << _POINT) // n, 0
    while power:
        total += power // (2 * k + 1) * (sign**k)
        power //= n * n
        k += 1
    return total


_PI: Final = 16 * _inverse_series(5, -1) - 4 * _inverse_series(239, -1)
_LN2: Final = 2 * _inverse_series(3, 1)
_LN10: Final = 3 * _LN2 + 2 * _inverse_series(9, 1)


def parts(value: int, point: int = _POINT) -> tuple[int, int, int]:
    """Biased exponent and the first 128 bits of a positive fixed-point number."""
    length = value.bit_length()
    bits = value >> (length - 128) if length > 128 else value << (128 - length)
    return BIAS + length - 1 - point, bits >> 64, bits & _MASK


def halves(value: int, bits: int) -> tuple[int, int]:
    """A fixed-point number cut to ``bits`` fraction bits, in two words."""
    cut = value >> (_POINT - bits)
    return cut >> 64, cut & _MASK


#: Half of pi after its integer bit: four words, highest first.
HALF_PI_FRACTION: Final = tuple(
    _PI >> (_POINT - 255 + shift) & _MASK for shift in (192, 128, 64, 0)
)
_ROOT_3: Final = isqrt(3 << 2 * _POINT)
PI: Final = parts(_PI)
LN2: Final = parts(_LN2)
LOG2_E: Final = parts((1 << 2 * _POINT) // _LN2)
#: As 128-bit fixed-point numbers, halves high and low: with 128 or 126 fraction bits.
TWO_OVER_PI_128: Final = halves((1 << 2 * _POINT + 1) // _PI, 128)
PI_126: Final = halves(_PI, 126)
HALF_PI_126: Final = halves(_PI >> 1, 126)
SIXTH_PI_126: Final = halves(_PI // 6, 126)
ROOT_3_126: Final = halves(_ROOT_3, 126)
#: Tangent of pi / 12, where the series of the arc tangent is left for another point.
TAN_PI_12_126: Final = halves((2 << _POINT) - _ROOT_3, 126)


def _table(denominators: Iterable[int]) -> tuple[int, ...]:
    """Reciprocals with 128 fraction bits, halves in turn."""
    words: list[int] = []
    for n in denominators:
        words.extend(halves((1 << _POINT) // n, 128))
    return tuple(words)


#: Coefficients of the series, as many as 128 bits need.
ODD_RECIPROCALS: Final = _table(range(3, 75, 2))
SINE: Final = _table(factorial(n) for n in range(3, 37, 2))
COSINE: Final = _table(factorial(n) for n in range(2, 37, 2))
EXPONENTIAL: Final = _table(factorial(n) for n in range(2, 38))

#: Exponent and 128 bits of each constant that has an instruction.
CONSTANTS: Final = {
    "1": parts(1 << _POINT),
    "l2t": parts((_LN10 << _POINT) // _LN2),
    "l2e": parts((1 << 2 * _POINT) // _LN2),
    "pi": PI,
    "lg2": parts((_LN2 << _POINT) // _LN10),
    "ln2": parts(_LN2),
    "z": (0, 0, 0),
}


def rounded(mode: int, name: str) -> tuple[int, int]:
    """Exponent and significand of a constant under a rounding mode; nothing is raised."""
    exponent, high, low_word = CONSTANTS[name]
    m, _, _ = round_bits(mode, 64, 0, high, low_word)
    return exponent, m
