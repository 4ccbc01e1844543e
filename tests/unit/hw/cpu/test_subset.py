"""The compiler of the subset: compiled functions compute what their Python does."""

import ctypes
import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from hw import native
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
from hw.cpu.subset import Module, SubsetError, compile_function, noinline


def compiled(function: Callable[..., int], count: int) -> Callable[..., Any]:
    """The native twin of a function of ``count`` integers."""
    module = Module()
    symbol = f"t_{function.__name__}"
    module.texts.append(compile_function(module, function, f"@{symbol}"))
    text = module.text()
    key = hashlib.sha256(text.encode()).hexdigest()
    return native.function(
        native.load(key, [symbol], lambda: text)[symbol],
        ctypes.c_uint64,
        *[ctypes.c_uint64] * count,
    )


def arithmetic(a: int, b: int) -> int:
    """Each operator."""
    c = u64(a + b) ^ u64(a - b) ^ u64(a * b)
    d = (a & b) | (c ^ ~b & (1 << 64) - 1)
    e = u64(d + (a >> (b & 63)) + (a << (b & 31)))
    return u64(e // ((b & 0xFF) + 1) + c % ((a & 0xFF) + 3))


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


def branches(a: int, b: int) -> int:
    """Early returns, nested conditions, and, or, not."""
    if a < b and not a & 8:
        if a & 1 or b & 2:
            return a
        result = 5
    elif a == b:
        return 3
    else:
        result = 6
    if b > 1000:
        result += 1
    return result


def loops(a: int, b: int) -> int:
    """While, break, reassignment of a parameter."""
    total = 0
    a = a & 0xFF
    while a != 0:
        total = u64(total * 31 + a)
        if total & 0xFFF == b & 0xFFF:
            break
        a -= 1
    return total


@noinline
def out_of_line(a: int, flag: bool) -> int:
    """Called, not inlined."""
    return a + 1 if flag else a


def pair(a: int, b: int) -> tuple[int, int]:
    """Two results, one path each."""
    if a < b:
        return a, b
    return b, a


def calls(a: int, b: int) -> int:
    """Functions as arguments, tuples, constants folded."""
    small, large = pair(a, b)
    return u64(apply(arithmetic, small, large) + out_of_line(small & 0xFFFF, a < b))


def apply(function: Callable[[int, int], int], a: int, b: int) -> int:
    """Apply a function known at compile time."""
    return function(a, b)


_BORDERS = [
    0,
    1,
    2,
    7,
    63,
    64,
    127,
    128,
    255,
    1 << 31,
    1 << 32,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
]


@pytest.mark.parametrize("function", [arithmetic, conversions, products, branches, loops, calls])
def test_compiled_equals_python(function: Callable[[int, int], int]) -> None:
    fast = compiled(function, 2)
    rng = random.Random(3)
    pairs = [(a, b) for a in _BORDERS for b in _BORDERS]
    pairs += [(rng.getrandbits(64), rng.getrandbits(rng.choice([8, 32, 64]))) for _ in range(500)]
    for a, b in pairs:
        assert fast(a, b) == function(a, b), (a, b)


def outside(a: int, b: int) -> int:
    """A statement the subset does not have."""
    for _ in range(a):
        b += 1
    return b


def test_what_is_outside_the_subset_is_named() -> None:
    with pytest.raises(SubsetError, match="outside"):
        compile_function(Module(), outside, "@outside")
