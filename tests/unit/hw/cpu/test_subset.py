"""What marks the functions of the subset leaves them plain Python."""

from typing import Any

from hw.cpu.ir import Builder
from hw.cpu.subset import noinline, primitive


def _emit(_builder: Builder, x: Any) -> Any:
    return ("emitted", x)


@primitive(_emit)
def double(x: int) -> int:
    """Twice."""
    return 2 * x


@noinline
def half(x: int) -> int:
    """Half."""
    return x // 2


def test_a_primitive_has_two_bodies():
    assert double(21) == 42
    assert double.emit(None, 21) == ("emitted", 21)
    assert (double.__name__, double.__doc__) == ("double", "Twice.")


def test_a_marked_function_runs_as_before():
    assert half(84) == 42
    assert half.__name__ == "half"
