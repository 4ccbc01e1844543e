"""Expressions of the subset: native ones compute what Python's do; what is known is folded."""

import pytest

from hw.cpu.inlining import compile_function
from hw.cpu.ir import Module
from hw.cpu.primitives import u64
from tests.support.compiled import assert_equals_python


def arithmetic(a: int, b: int) -> int:
    """Each operator."""
    c = u64(a + b) ^ u64(a - b) ^ u64(a * b)
    d = (a & b) | (c ^ ~b & (1 << 64) - 1)
    e = u64(d + (a >> (b & 63)) + (a << (b & 31)))
    return u64(e // ((b & 0xFF) + 1) + c % ((a & 0xFF) + 3))


def comparisons(a: int, b: int) -> int:
    """Each comparison, ``and``, ``or``, ``not`` and the conditional expression."""
    known = (a == b) | (a != b) << 1 | (a < b) << 2 | (a <= b) << 3 | (a > b) << 4 | (a >= b) << 5
    both = 64 if a > 7 and b > 7 else 0
    either = 128 if not a & 1 or (b & 1 and a != 2) else 0
    return known + both + either


def signs(a: int, b: int) -> int:
    """The unary operators, wrapped."""
    return u64(-a) ^ u64(~b)


@pytest.mark.parametrize("function", [arithmetic, comparisons, signs])
def test_compiled_equals_python(function):
    assert_equals_python(function)


def known(a: int) -> int:
    """All but the parameter is known when it is compiled."""
    table = (3, 1 << 40, 5)
    return u64(a + (table[1] // table[0] if table[2] > 4 and table[0] != 2 else a))


def test_what_is_known_is_folded():
    text = compile_function(Module(), known, "@known")
    assert f", {(1 << 40) // 3}" in text
    assert not any(word in text for word in ("udiv", "icmp", "select", "br "))
