"""Pairs of micro-ops that often follow one another, done by one handler.

A pair saves a dispatch. Where an operand of the second is the register that the first has written,
there is a handler for just that (``link``), and the value passes in a host register: through the
register file it would take five cycles. The number of a pair stands in its first micro-op; the
second keeps its own, and the handler reads its operands where they are. So a pair is easily taken
apart again: who looks at the first micro-op sees its own instruction (``form``), and the oracle and
regions know of no pairs.

State: none. Context: native code.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.semantics import alu, branch, move, shift, stack
from hw.cpu.semantics.fusion_names import SECONDS
from hw.cpu.semantics.handler import Handler

#: LLVM's level of optimization: from the second on, a stored value is not loaded again.
PASSES: Final = 2
_FAMILIES: Final = (move, alu, shift, stack, branch)


def handlers() -> Iterator[Handler]:
    """All of this family, named by the two: ``mov64_rr+add64_rr:a``."""
    known = {handler.name: handler for family in _FAMILIES for handler in family.handlers()}
    for name, seconds in SECONDS.items():
        first = known[name]
        for word in seconds.split():
            second, _, link = word.partition(":")
            pair = f"{name}+{word}"
            yield Handler(pair, first.form, first.constants, known[second], link)
