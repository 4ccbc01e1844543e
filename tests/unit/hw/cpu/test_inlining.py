"""Functions of the subset: compiled ones compute what their Python does."""

from collections.abc import Callable

import pytest

from hw.cpu.inlining import compile_function
from hw.cpu.ir import Module
from hw.cpu.primitives import u64
from hw.cpu.subset import SubsetError, noinline
from tests.support.compiled import assert_equals_python


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


def apply(function: Callable[[int, int], int], a: int, b: int) -> int:
    """Apply a function known at compile time."""
    return function(a, b)


def calls(a: int, b: int) -> int:
    """Functions as arguments, tuples, constants folded."""
    small, large = pair(a, b)
    return u64(apply(branches, small, large) + out_of_line(small & 0xFFFF, a < b))


@pytest.mark.parametrize("function", [branches, loops, calls])
def test_compiled_equals_python(function):
    assert_equals_python(function)


def twice(a: int) -> int:
    """Calls the same function at two places."""
    return u64(out_of_line(a, a > 1) + out_of_line(a, a > 2))


def test_a_function_out_of_line_is_compiled_once():
    module = Module()
    module.texts.append(compile_function(module, twice, "@twice"))
    assert module.text().count("define internal i64 @sub.") == 1
    assert module.text().count("call i64 @sub.") == 2


def outside(a: int, b: int) -> int:
    """A statement the subset does not have."""
    for _ in range(a):
        b += 1
    return b


def test_what_is_outside_the_subset_is_named():
    with pytest.raises(SubsetError, match="outside"):
        compile_function(Module(), outside, "@outside")


def few(a: int) -> int:
    """Calls with an argument that is missing."""
    return pair(a)[0]  # type: ignore[call-arg]


def test_a_call_with_too_few_arguments_is_named():
    with pytest.raises(SubsetError, match="pair takes"):
        compile_function(Module(), few, "@few")
