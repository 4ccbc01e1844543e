"""The typed Python subset in which instructions are written; what marks its functions.

Why: the semantics of an instruction are written once. Unchanged they run as plain Python (slow, the
oracle); through ``hw.cpu.inlining`` they become native code. The language:

- statements: assignment to names and to layout fields, ``if``, ``while``, ``break``, early
  ``return``, calls; expressions: integers, comparisons, ``and or not``, ``a if c else b``, tuples;
- every value is an unsigned integer below 2**64 (``wide`` ones below 2**128) or a truth value. An
  operation that may leave that range is wrapped, ``u64(a + b)``: a mask in Python, free when
  compiled. Right operands of ``and``/``or`` are evaluated always: they have no effects;
- calls are inlined, so arguments known at compile time (operand sizes, functions) are folded and an
  ``if`` on them costs nothing; a function marked ``@noinline`` is compiled once, for slow paths.

State: none. Context: any.
"""

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class SubsetError(Exception):
    """The source is outside the subset; the message says where."""


class Primitive(Generic[P, R]):
    """A function that has a Python body and its own LLVM instructions."""

    def __init__(self, python: Callable[P, R], emit: Callable[..., Any]) -> None:
        self.python = python
        self.emit = emit
        self.__name__ = python.__name__
        self.__doc__ = python.__doc__

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Run the Python body."""
        return self.python(*arguments, **named)


def primitive(emit: Callable[..., Any]) -> Callable[[Callable[P, R]], Primitive[P, R]]:
    """Decorate the Python twin of the instructions that ``emit(builder, *arguments)`` makes."""
    return lambda python: Primitive(python, emit)


def noinline(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function of the subset to be compiled once and called."""
    function.__dict__["__noinline__"] = True
    return function
