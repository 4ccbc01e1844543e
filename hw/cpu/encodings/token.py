"""Names of iced's ``Code``, such as ADD_RM32_IMM8: mnemonic, then operand tokens.

A factory gets mnemonic and tokens once and returns a builder, a closure in which the handlers'
numbers are resolved, which is called for each instruction of that code.

State: none. Context: Python, while decoding.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from hw.cpu.block_builder import BARRIER, NONE, BlockBuilder
from hw.cpu.threaded import numbers

Build = Callable[[BlockBuilder, Any], None]
Factory = Callable[[str, list[str]], Build]

NUMBER: Final = numbers()
_ACCUMULATOR: Final = {"AL": 8, "AX": 16, "EAX": 32, "RAX": 64, "CL": 8}


def bits_of(token: str) -> int:
    """Operand size that a token of a Code name states: RM32, IMM8, EAX, M64."""
    if token in _ACCUMULATOR:
        return _ACCUMULATOR[token]
    found = re.search(r"\d+", token)
    assert found is not None, token
    return int(found[0])


def two_forms(name: str) -> tuple[int, int, bool]:
    """Numbers of a handler's "m" and "x" form (``name`` has a ? for it), whether x exists."""
    plain = NUMBER[name.replace("?", "m")]
    indexed = NUMBER.get(name.replace("?", "x"))
    return plain, plain if indexed is None else indexed, indexed is not None


def simple(name: str, effect: int = NONE) -> Factory:
    """An instruction without operands."""

    def factory(_: str, __: list[str]) -> Build:
        number = NUMBER[name]

        def build(d: BlockBuilder, i: Any) -> None:  # noqa: ARG001
            d.emit(number, effect)

        return build

    return factory


def ender(name: str) -> Factory:
    """An instruction that leaves native code; its immediate is the address after it."""

    def factory(_: str, __: list[str]) -> Build:
        number = NUMBER[name]

        def build(d: BlockBuilder, i: Any) -> None:  # noqa: ARG001
            d.emit(number, BARRIER, imm=d.next_rip)
            d.end(number)

        return build

    return factory
