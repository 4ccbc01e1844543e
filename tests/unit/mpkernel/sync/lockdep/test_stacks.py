"""Stacks: innermost first, one id a stack, nothing of the validator or the test runner."""

from mpkernel.sync.lockdep import stacks
from tests.support.kernel import kernel


def inner() -> int:
    return stacks.capture()


def outer() -> int:
    return inner()


def test_a_stack_is_its_sites():
    with kernel():
        first, second = (outer() for _ in range(2))
        assert first == second
        assert first != inner()
        lines = stacks.lines(first)
        assert lines[0].endswith(" inner")
        assert lines[1].endswith(" outer")
        assert lines[0].startswith("tests/unit/mpkernel/sync/lockdep/test_stacks.py:")
        assert not [line for line in lines if "_pytest" in line]
        assert stacks.lines(0) == []
