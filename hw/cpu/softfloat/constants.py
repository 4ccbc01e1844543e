"""Pi and logarithms to 128 bits, from their series.

Spec: AMD64 APM vol. 5, FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ.
State: none. Context: any.
"""

from typing import Final

from hw.cpu.softfloat.number import BIAS, round_bits

#: Fraction bits of the integers here.
_POINT: Final = 320


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
    return BIAS + length - 1 - point, bits >> 64, bits & (1 << 64) - 1


def fraction(value: int, bits: int, point: int = _POINT) -> int:
    """A fixed-point number with ``bits`` fraction bits."""
    return value >> (point - bits)


#: Half of pi with 256 fraction bits, and logarithms with 128.
HALF_PI: Final = fraction(_PI, 255)
LN2: Final = fraction(_LN2, 128)
LOG2_E: Final = fraction((1 << 2 * _POINT) // _LN2, 126)
PI: Final = parts(_PI)

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
