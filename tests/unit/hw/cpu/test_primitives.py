"""Primitives: their LLVM instructions compute what their Python bodies do."""

import pytest

from hw.cpu.primitives import (
    byte_swap,
    leading_zeros,
    low,
    popcount,
    sar,
    sext,
    slt,
    swide,
    trailing_zeros,
    u8,
    u16,
    u32,
    u64,
    udiv128,
    wide,
)
from tests.support.compiled import assert_equals_python


def conversions(a: int, b: int) -> int:
    """Each conversion and bit primitive."""
    x = u8(a) + u16(b) + u32(a) + sext(a, 8) + sext(b, 16) + sext(a, 32) + low(b, 16)
    y = sar(a, b & 63) + popcount(a) + leading_zeros(b) + trailing_zeros(a) + byte_swap(b)
    return u64(x + y + (1 if slt(a, b) else 2))


def products(a: int, b: int) -> int:
    """128 bits."""
    high = u64((wide(a) * wide(b)) >> 64)
    signed = u64((swide(a) * swide(b)) >> 64)
    quotient, rest = udiv128(high % (b | 1), a, b | 1)
    return high ^ signed ^ quotient ^ u64(rest * 3)


@pytest.mark.parametrize("function", [conversions, products])
def test_compiled_equals_python(function):
    assert_equals_python(function)
