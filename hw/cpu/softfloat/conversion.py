"""80-bit numbers from and to single, double, integer and decimal operands.

Spec: AMD64 APM vol. 1, 6.3; vol. 5, FLD FST FILD FIST FBLD FBSTP.
State: none. Context: native code, oracle.
"""

from hw.cpu.primitives import flag, leading_zeros, low, slt, u64, udiv128, wide
from hw.cpu.softfloat.number import (
    BIAS,
    DENORMAL,
    INEXACT,
    INVALID,
    OVERFLOW,
    QUIET,
    SPECIAL,
    TOP,
    UNDERFLOW,
    exponent_of,
    is_infinite,
    is_nan,
    is_number,
    is_unsupported,
    normalized,
    overflowed,
    round_bits,
    rounding,
    shift_right_jam,
    sign_of,
)
from hw.cpu.subset import noinline

#: What packed decimal operands stay below.
MAX_BCD = 10**18


def fraction_bits(bits: int) -> int:
    """Stored bits of the significand of a single (32) or double (64)."""
    return 23 if bits == 32 else 52


@noinline
def from_binary(value: int, bits: int) -> tuple[int, int, int]:
    """A single or double as an 80-bit number, signaling NaNs as they are; DENORMAL if it was."""
    fraction = fraction_bits(bits)
    sign = value >> (bits - 1) & 1
    top = (1 << (bits - 1 - fraction)) - 1
    exponent = value >> fraction & top
    m = u64(value << (63 - fraction)) & (TOP - 1)
    if exponent == top:
        return sign << 15 | SPECIAL, TOP | m, 0
    if exponent == 0:
        if m == 0:
            return sign << 15, 0, 0
        shift = leading_zeros(m)
        return sign << 15 | (BIAS - (top >> 1) + 1 - shift), u64(m << shift), DENORMAL
    return sign << 15 | (exponent + BIAS - (top >> 1)), TOP | m, 0


@noinline
def to_binary(control: int, se: int, m: int, bits: int) -> tuple[int, int]:
    """An 80-bit number rounded to a single or double, and exceptions."""
    fraction = fraction_bits(bits)
    top = (1 << (bits - 1 - fraction)) - 1
    sign = sign_of(se) << (bits - 1)
    if is_unsupported(se, m):
        return 1 << (bits - 1) | top << fraction | 1 << (fraction - 1), INVALID
    if is_nan(se, m):
        flags = INVALID if m & QUIET == 0 else 0
        payload = u64((m | QUIET) << 1) >> (64 - fraction)
        return sign | top << fraction | payload, flags
    if is_infinite(se, m):
        return sign | top << fraction, 0
    if m == 0:
        return sign, 0
    exponent, significand = normalized(se, m)
    exponent = u64(exponent - BIAS + (top >> 1))
    mode = rounding(control)
    kept, carry, flags = round_bits(mode, fraction + 1, sign_of(se), significand, 0)
    biased = u64(exponent + carry)
    if slt(biased, 1):
        if control & UNDERFLOW == 0:
            return 0, UNDERFLOW
        high, low_word = shift_right_jam(significand, 0, u64(1 - exponent))
        kept, carry, flags = round_bits(mode, fraction + 1, sign_of(se), high, low_word)
        if flags & INEXACT != 0:
            flags |= UNDERFLOW
        # a significand that reached the integer bit carries into the exponent
        return sign | kept >> (63 - fraction), flags
    if slt(top - 1, biased):
        if control & OVERFLOW == 0:
            return 0, OVERFLOW
        _, kept, flags = overflowed(control, fraction + 1, sign_of(se), flags)
        # the largest number is the one before infinity
        return sign | u64((top << fraction) - flag(kept != TOP)), flags
    return sign | biased << fraction | (kept & (TOP - 1)) >> (63 - fraction), flags


@noinline
def from_integer(value: int) -> tuple[int, int]:
    """A signed 64-bit integer as an 80-bit number."""
    if value == 0:
        return 0, 0
    sign = value >> 63
    magnitude = u64(0 - value) if sign == 1 else value
    shift = leading_zeros(magnitude)
    return sign << 15 | (BIAS + 63 - shift), u64(magnitude << shift)


@noinline
def magnitude_of(mode: int, se: int, m: int) -> tuple[int, int, int]:
    """A finite number as an integer: low 64 bits, bits 64 and up (or 1 if more), exceptions."""
    exponent, significand = normalized(se, m)
    if slt(BIAS + 63, exponent):
        return 0, 1, 0
    # integer part in the high word, fraction in the low one
    high, low_word = shift_right_jam(significand, 0, u64(BIAS + 63 - exponent))
    kept, carry, flags = round_bits(mode, 64, sign_of(se), high, low_word)
    return (0 if carry == 1 else kept), carry, flags


@noinline
def to_integer(mode: int, se: int, m: int, bits: int) -> tuple[int, int]:
    """An 80-bit number as a signed integer of ``bits`` bits, and exceptions."""
    indefinite = u64(wide(1) << (bits - 1))
    if not is_number(se, m) or is_infinite(se, m):
        return indefinite, INVALID
    value, more, flags = magnitude_of(mode, se, m)
    sign = sign_of(se)
    if more != 0 or value > indefinite - 1 + sign:
        return indefinite, INVALID
    return u64(0 - value) if sign == 1 else value, flags


@noinline
def from_decimal(digits: int, sign_byte: int) -> tuple[int, int]:
    """Eighteen packed decimal digits (the lowest sixteen in ``digits``) as an 80-bit number."""
    value = 0
    place = 0
    while place < 18:
        if place < 2:  # noqa: SIM108 a count is negative in the branch not taken
            digit = sign_byte >> (4 - 4 * place) & 15
        else:
            digit = digits >> (68 - 4 * place) & 15
        value = u64(value * 10 + digit)
        place += 1
    se, m = from_integer(value)
    return se | (sign_byte >> 15 & 1) << 15, m


@noinline
def to_decimal(mode: int, se: int, m: int) -> tuple[int, int, int]:
    """An 80-bit number as packed decimal: low 64 bits, high 16 bits, exceptions."""
    if not is_number(se, m) or is_infinite(se, m):
        return 0xC000_0000_0000_0000, 0xFFFF, INVALID
    value, more, flags = magnitude_of(mode, se, m)
    if more != 0 or value >= MAX_BCD:
        return 0xC000_0000_0000_0000, 0xFFFF, INVALID
    digits = 0
    place = 0
    while place < 64:
        value, digit = udiv128(0, value, 10)
        digits |= digit << place
        place += 4
    upper, digit = udiv128(0, value, 10)
    return digits, sign_of(se) << 15 | low(upper, 4) << 4 | digit, flags


@noinline
def round_to_integer(control: int, se: int, m: int) -> tuple[int, int, int]:
    """FRNDINT of a finite number: an integer, by the rounding mode."""
    if m == 0 or exponent_of(se) >= BIAS + 63:
        return se, m, 0
    flags = DENORMAL if exponent_of(se) == 0 else 0
    value, more, rounded = magnitude_of(rounding(control), se, m)
    if more != 0:
        return (se & 0x8000) | (BIAS + 64), TOP, flags | rounded
    if value == 0:
        return se & 0x8000, 0, flags | rounded
    whole_se, whole = from_unsigned(value)
    return (se & 0x8000) | whole_se, whole, flags | rounded


def from_unsigned(value: int) -> tuple[int, int]:
    """An integer that is not 0, taken as unsigned."""
    shift = leading_zeros(value)
    return BIAS + 63 - shift, u64(value << shift)


def quieted(se: int, m: int) -> tuple[int, int, int]:
    """What FLD of a single or double makes of a signaling NaN."""
    signaling = is_nan(se, m) and m & QUIET == 0
    return se, (m | QUIET if signaling else m), flag(signaling) * INVALID
