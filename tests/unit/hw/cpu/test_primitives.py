"""Primitives: their LLVM instructions compute what their Python bodies do."""

import ctypes

import pytest

from hw.cpu.primitives import (
    byte_swap,
    host_load,
    host_store,
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
from tests.support.compiled import BORDERS, assert_equals_python, compiled


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


def exchange(address: int, value: int) -> int:
    """A byte and a word at odd addresses."""
    found = host_load(address + 1, 64)
    host_store(address + 1, 64, value)
    host_store(address + 9, 8, value)
    return found


def test_host_memory_takes_any_alignment():
    fast = compiled(exchange, 2)
    for value in BORDERS:
        native, python = ((ctypes.c_uint8 * 16)(*range(16)) for _ in range(2))
        results = [f(ctypes.addressof(m), value) for f, m in ((fast, native), (exchange, python))]
        assert results[0] == results[1]
        assert bytes(native) == bytes(python)
        assert bytes(native)[1:9] == value.to_bytes(8, "little")
