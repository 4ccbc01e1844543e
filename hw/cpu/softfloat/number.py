"""Numbers of 80 bits: what kinds there are, how a result is rounded, which NaN comes out.

A number is two integers: sign and exponent in 16 bits, and the significand with its explicit
leading one. Inside, an exponent is a signed value modulo 2**64, so that it can leave its range.
Functions are pure: they take the control word and return result and exceptions, in the bits of the
status word.

    sign exponent (15, bias 16383) | significand (64, bit 63 is the integer bit)

Spec: AMD64 APM vol. 1, 6.3.2, 6.3.4, 6.4.
State: none. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import flag, leading_zeros, slt, u64, wide
from hw.cpu.subset import noinline

INVALID: Final = 1 << 0
DENORMAL: Final = 1 << 1
ZERO_DIVIDE: Final = 1 << 2
OVERFLOW: Final = 1 << 3
UNDERFLOW: Final = 1 << 4
INEXACT: Final = 1 << 5
#: C1: the last rounding went away from zero.
ROUNDED_UP: Final = 1 << 9

BIAS: Final = 0x3FFF
TOP: Final = 1 << 63
QUIET: Final = 1 << 62
SPECIAL: Final = 0x7FFF  #: exponent of infinities and NaNs
#: The NaN that invalid operations give.
DEFAULT_EXPONENT: Final = 0xFFFF
DEFAULT_SIGNIFICAND: Final = TOP | QUIET
#: What an exponent is moved by when overflow or underflow is not masked.
WRAP: Final = 24576
#: Exponent of a zero among normalized operands: beneath all others.
_ZERO_EXPONENT: Final = (1 << 64) - 100_000

NEAREST: Final = 0
DOWN: Final = 1
UP: Final = 2


def rounding(control: int) -> int:
    """Rounding mode of a control word: nearest, down, up, towards zero."""
    return control >> 10 & 3


@noinline
def precision_of(control: int) -> int:
    """Bits to which add, subtract, multiply, divide and square root round."""
    choice = control >> 8 & 3
    if choice == 0:
        return 24
    return 53 if choice == 2 else 64


def exponent_of(se: int) -> int:
    """Biased exponent."""
    return se & 0x7FFF


def sign_of(se: int) -> int:
    """1 for negative."""
    return se >> 15 & 1


def is_unsupported(se: int, m: int) -> bool:
    """A form that processors since the 387 refuse: an exponent without its integer bit."""
    return exponent_of(se) != 0 and m < TOP


def is_nan(se: int, m: int) -> bool:
    """A NaN, quiet or signaling."""
    return exponent_of(se) == SPECIAL and m > TOP


def is_signaling(se: int, m: int) -> bool:
    """A NaN that raises INVALID where it is used."""
    return is_nan(se, m) and m & QUIET == 0


def is_infinite(se: int, m: int) -> bool:
    """An infinity."""
    return exponent_of(se) == SPECIAL and m == TOP


def is_finite(se: int, m: int) -> bool:
    """Zero, a denormal or a normal number."""
    return exponent_of(se) != SPECIAL and (exponent_of(se) == 0 or m >= TOP)


def is_zero(se: int, m: int) -> bool:
    """Zero of either sign."""
    return exponent_of(se) == 0 and m == 0


def denormal(se: int, m: int) -> int:
    """DENORMAL if the number is one."""
    return DENORMAL if exponent_of(se) == 0 and m != 0 else 0


def normalized(se: int, m: int) -> tuple[int, int]:
    """Signed exponent and a significand with its top bit set, or 0; of a finite number."""
    exponent = exponent_of(se)
    if exponent != 0:
        return exponent, m
    if m == 0:
        return _ZERO_EXPONENT, 0
    shift = leading_zeros(m)
    return u64(1 - shift), u64(m << shift)


def shift_right_jam(high: int, low_word: int, count: int) -> tuple[int, int]:
    """high:low shifted right; what falls off leaves its trace in the lowest bit."""
    if count == 0:
        return high, low_word
    if slt(127, count):
        return 0, flag(high | low_word != 0)
    value = wide(high) << 64 | low_word
    kept = value >> count
    lost = kept << count != value
    return u64(kept >> 64), u64(kept) | flag(lost)


@noinline
def _increment(mode: int, sign: int, odd: int, rest_high: int, rest_low: int) -> int:
    """Whether a magnitude with a fraction after its last bit is rounded away from zero: 0 or 1."""
    if rest_high | rest_low == 0:
        return 0
    if mode == NEAREST:
        if rest_high < TOP:
            return 0
        return odd if rest_high == TOP and rest_low == 0 else 1
    if mode == DOWN:
        return sign
    return sign ^ 1 if mode == UP else 0


@noinline
def round_bits(
    mode: int, precision: int, sign: int, high: int, low_word: int
) -> tuple[int, int, int]:
    """High:low cut to ``precision`` bits: significand, carry out of it, INEXACT | ROUNDED_UP."""
    value = wide(high) << 64 | low_word
    rest = value << precision
    rest_high = u64(rest >> 64)
    rest_low = u64(rest)
    below = 64 - precision
    unit = u64(wide(1) << below)
    kept = high & u64(0 - unit)
    up = _increment(mode, sign, kept >> below & 1, rest_high, rest_low)
    flags = (INEXACT if rest_high | rest_low != 0 else 0) | (ROUNDED_UP if up != 0 else 0)
    if up == 0:
        return kept, 0, flags
    kept = u64(kept + unit)
    if kept == 0:
        return TOP, 1, flags
    return kept, 0, flags


@noinline
def overflowed(control: int, precision: int, sign: int, flags: int) -> tuple[int, int, int]:
    """What a masked overflow gives: infinity, or the largest number."""
    mode = rounding(control)
    flags = flags | OVERFLOW | INEXACT
    if mode == NEAREST or (mode == DOWN and sign == 1) or (mode == UP and sign == 0):
        return sign << 15 | SPECIAL, TOP, flags | ROUNDED_UP
    largest = u64(0 - u64(wide(1) << (64 - precision)))
    return sign << 15 | (SPECIAL - 1), largest, flags & ~ROUNDED_UP


@noinline
def round_pack(
    control: int, precision: int, sign: int, exponent: int, high: int, low_word: int, flags: int
) -> tuple[int, int, int]:
    """The number nearest, by the rounding mode, to high:low * 2**(exponent - BIAS - 127).

    Bit 63 of ``high`` is set. Tininess is seen after rounding. Where overflow or underflow is not
    masked the exponent is moved into range; if it does not fit then, the result is 0 or infinity.
    """
    mode = rounding(control)
    m, carry, rounded = round_bits(mode, precision, sign, high, low_word)
    biased = u64(exponent + carry)
    if slt(biased, 1):
        if control & UNDERFLOW == 0:
            if slt(u64(biased + WRAP), 1):
                return sign << 15, 0, flags | UNDERFLOW | INEXACT
            se = sign << 15 | u64(biased + WRAP) & 0x7FFF
            return se, m, flags | UNDERFLOW | rounded
        high, low_word = shift_right_jam(high, low_word, u64(1 - exponent))
        m, carry, rounded = round_bits(mode, precision, sign, high, low_word)
        tiny = UNDERFLOW if rounded & INEXACT != 0 else 0
        return sign << 15 | m >> 63, m, flags | tiny | rounded
    if slt(SPECIAL - 1, biased):
        if control & OVERFLOW == 0:
            if slt(SPECIAL - 1, u64(biased - WRAP)):
                return sign << 15 | SPECIAL, TOP, flags | OVERFLOW | INEXACT | ROUNDED_UP
            se = sign << 15 | u64(biased - WRAP) & 0x7FFF
            return se, m, flags | OVERFLOW | rounded
        return overflowed(control, precision, sign, flags)
    return sign << 15 | biased, m, flags | rounded


def normalize_pack(
    control: int, precision: int, sign: int, exponent: int, high: int, low_word: int, flags: int
) -> tuple[int, int, int]:
    """``round_pack`` of a value that is not 0 and whose top bit may be anywhere."""
    shift = leading_zeros(high) if high != 0 else 64 + leading_zeros(low_word)
    value = (wide(high) << 64 | low_word) << shift
    return round_pack(
        control, precision, sign, u64(exponent - shift), u64(value >> 64), u64(value), flags
    )


def invalid() -> tuple[int, int, int]:
    """The result of an invalid operation."""
    return DEFAULT_EXPONENT, DEFAULT_SIGNIFICAND, INVALID


@noinline
def nan_of(se: int, m: int) -> tuple[int, int, int]:
    """The result where the one operand is a NaN or unsupported."""
    if is_unsupported(se, m):
        return invalid()
    return se, m | QUIET, INVALID if m & QUIET == 0 else 0


@noinline
def nan_of_two(se_a: int, m_a: int, se_b: int, m_b: int) -> tuple[int, int, int]:
    """The result where at least one operand is a NaN or unsupported."""
    if is_unsupported(se_a, m_a) or is_unsupported(se_b, m_b):
        return invalid()
    signaling_a = is_signaling(se_a, m_a)
    signaling_b = is_signaling(se_b, m_b)
    flags = INVALID if signaling_a or signaling_b else 0
    quiet_a = is_nan(se_a, m_a) and not signaling_a
    quiet_b = is_nan(se_b, m_b) and not signaling_b
    if not is_nan(se_b, m_b) or (quiet_a and signaling_b):
        return se_a, m_a | QUIET, flags
    if not is_nan(se_a, m_a) or (quiet_b and signaling_a):
        return se_b, m_b | QUIET, flags
    if m_a | QUIET == m_b | QUIET:
        return (se_a if se_a < se_b else se_b), m_a | QUIET, flags
    if m_a | QUIET > m_b | QUIET:
        return se_a, m_a | QUIET, flags
    return se_b, m_b | QUIET, flags


def is_number(se: int, m: int) -> bool:
    """Finite or infinite."""
    return is_finite(se, m) or is_infinite(se, m)
