"""Add, multiply, divide, square root, comparison of 80-bit numbers.

Spec: AMD64 APM vol. 1, 6.4; vol. 5, FADD FMUL FDIV FSQRT FCOM.
State: none. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import flag, slt, u64, udiv128, wide
from hw.cpu.softfloat.number import (
    BIAS,
    DOWN,
    INVALID,
    SPECIAL,
    TOP,
    ZERO_DIVIDE,
    denormal,
    exponent_of,
    invalid,
    is_infinite,
    is_nan,
    is_number,
    is_signaling,
    is_unsupported,
    is_zero,
    nan_of,
    nan_of_two,
    normalize_pack,
    normalized,
    precision_of,
    round_pack,
    rounding,
    shift_right_jam,
    sign_of,
)
from hw.cpu.subset import noinline

#: Results of a comparison: condition bits C3, C2, C0 of the status word.
GREATER: Final = 0
LESS: Final = 1 << 8
EQUAL: Final = 1 << 14
UNORDERED: Final = 1 << 14 | 1 << 10 | 1 << 8


@noinline
def add(
    control: int, se_a: int, m_a: int, se_b: int, m_b: int, negate: int
) -> tuple[int, int, int]:
    """a + b, or a - b where ``negate`` is 1."""
    if not (is_number(se_a, m_a) and is_number(se_b, m_b)):
        return nan_of_two(se_a, m_a, se_b, m_b)
    sign_a = sign_of(se_a)
    sign_b = sign_of(se_b) ^ negate
    flags = denormal(se_a, m_a) | denormal(se_b, m_b)
    if is_infinite(se_a, m_a):
        if is_infinite(se_b, m_b) and sign_a != sign_b:
            return invalid()
        return se_a, m_a, flags
    if is_infinite(se_b, m_b):
        return sign_b << 15 | SPECIAL, m_b, flags
    if m_a | m_b == 0:
        return (sign_a if sign_a == sign_b else _zero_sign(control)) << 15, 0, flags
    exponent_a, significand_a = normalized(se_a, m_a)
    exponent_b, significand_b = normalized(se_b, m_b)
    if slt(exponent_a, exponent_b):
        exponent_a, exponent_b = exponent_b, exponent_a
        significand_a, significand_b = significand_b, significand_a
        sign_a, sign_b = sign_b, sign_a
    # one bit of room above, 63 below
    high, low_word = shift_right_jam(
        significand_b >> 1, u64(significand_b << 63), u64(exponent_a - exponent_b)
    )
    left = wide(significand_a) << 63
    right = wide(high) << 64 | low_word
    if sign_a == sign_b:
        total = left + right
    elif left >= right:
        total = left - right
    else:
        total = right - left
        sign_a = sign_b
    if total == 0:
        return _zero_sign(control) << 15, 0, flags
    return normalize_pack(
        control, precision_of(control), sign_a, u64(exponent_a + 1),
        u64(total >> 64), u64(total), flags,
    )  # fmt: skip


def _zero_sign(control: int) -> int:
    """Sign of an exact difference of zero."""
    return flag(rounding(control) == DOWN)


@noinline
def multiply(control: int, se_a: int, m_a: int, se_b: int, m_b: int) -> tuple[int, int, int]:
    """a * b."""
    if not (is_number(se_a, m_a) and is_number(se_b, m_b)):
        return nan_of_two(se_a, m_a, se_b, m_b)
    sign = sign_of(se_a) ^ sign_of(se_b)
    flags = denormal(se_a, m_a) | denormal(se_b, m_b)
    if is_infinite(se_a, m_a) or is_infinite(se_b, m_b):
        if is_zero(se_a, m_a) or is_zero(se_b, m_b):
            return invalid()
        return sign << 15 | SPECIAL, TOP, flags
    if m_a == 0 or m_b == 0:
        return sign << 15, 0, flags
    exponent_a, significand_a = normalized(se_a, m_a)
    exponent_b, significand_b = normalized(se_b, m_b)
    product = wide(significand_a) * significand_b
    return normalize_pack(
        control, precision_of(control), sign, u64(exponent_a + exponent_b - BIAS + 1),
        u64(product >> 64), u64(product), flags,
    )  # fmt: skip


@noinline
def divide(control: int, se_a: int, m_a: int, se_b: int, m_b: int) -> tuple[int, int, int]:
    """a / b."""
    if not (is_number(se_a, m_a) and is_number(se_b, m_b)):
        return nan_of_two(se_a, m_a, se_b, m_b)
    sign = sign_of(se_a) ^ sign_of(se_b)
    flags = denormal(se_a, m_a) | denormal(se_b, m_b)
    if is_infinite(se_a, m_a):
        if is_infinite(se_b, m_b):
            return invalid()
        return sign << 15 | SPECIAL, TOP, flags
    if is_infinite(se_b, m_b):
        return sign << 15, 0, flags
    if m_b == 0:
        if m_a == 0:
            return invalid()
        return sign << 15 | SPECIAL, TOP, ZERO_DIVIDE
    if m_a == 0:
        return sign << 15, 0, flags
    exponent_a, significand_a = normalized(se_a, m_a)
    exponent_b, significand_b = normalized(se_b, m_b)
    exponent = u64(exponent_a - exponent_b + BIAS)
    if significand_a < significand_b:
        exponent = u64(exponent - 1)
        high, rest = udiv128(significand_a, 0, significand_b)
    else:
        high, rest = udiv128(significand_a >> 1, u64(significand_a << 63), significand_b)
    low_word, rest = udiv128(rest, 0, significand_b)
    return round_pack(
        control, precision_of(control), sign, exponent, high, low_word | flag(rest != 0), flags
    )


@noinline
def square_root(control: int, se: int, m: int) -> tuple[int, int, int]:
    """The square root."""
    if not is_number(se, m):
        return nan_of(se, m)
    if m == 0:
        return se, m, 0
    if sign_of(se) == 1:
        return invalid()
    if is_infinite(se, m):
        return se, m, 0
    exponent, significand = normalized(se, m)
    # the radicand is below 2**128, its exponent even
    even = u64(exponent - BIAS) & 1 == 0
    high = significand >> 1 if even else significand
    low_word = u64(significand << 63) if even else 0
    half = u64(exponent - BIAS - flag(not even)) >> 1
    half = half | TOP if slt(exponent, BIAS) else half
    rest = wide(0)
    root = wide(0)
    turns = 64
    while turns != 0:
        rest = rest << 2 | high >> 62
        high = u64(high << 2) | low_word >> 62
        low_word = u64(low_word << 2)
        trial = root << 2 | 1
        root = root << 1
        if rest >= trial:
            rest = rest - trial
            root = root | 1
        turns -= 1
    # beyond the root's last bit: more than a half exactly if the remainder exceeds the root
    tail = (TOP if rest > root else 0) | flag(rest != 0)
    return round_pack(
        control, precision_of(control), 0, u64(half + BIAS), u64(root), tail, denormal(se, m)
    )


@noinline
def compare(se_a: int, m_a: int, se_b: int, m_b: int, quiet: int) -> tuple[int, int]:
    """Condition bits of a compared with b, and exceptions; ``quiet`` tolerates quiet NaNs."""
    if is_unsupported(se_a, m_a) or is_unsupported(se_b, m_b):
        return UNORDERED, INVALID
    if is_nan(se_a, m_a) or is_nan(se_b, m_b):
        signaling = is_signaling(se_a, m_a) or is_signaling(se_b, m_b)
        return UNORDERED, INVALID if signaling or quiet == 0 else 0
    flags = denormal(se_a, m_a) | denormal(se_b, m_b)
    if is_zero(se_a, m_a) and is_zero(se_b, m_b):
        return EQUAL, flags
    sign = sign_of(se_a)
    if sign != sign_of(se_b):
        return LESS if sign == 1 else GREATER, flags
    # a denormal with its integer bit set is as large as exponent 1
    exponent_a = exponent_of(se_a) | flag(exponent_of(se_a) == 0)
    exponent_b = exponent_of(se_b) | flag(exponent_of(se_b) == 0)
    if exponent_a == exponent_b and m_a == m_b:
        return EQUAL, flags
    smaller = exponent_a < exponent_b or (exponent_a == exponent_b and m_a < m_b)
    return LESS if smaller == (sign == 0) else GREATER, flags
