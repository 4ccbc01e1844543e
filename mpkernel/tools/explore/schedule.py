"""A schedule as text: which core makes how many steps, in turns. ``0*3 1*5 0``.

After the last turn, and where a turn's core cannot run, whoever ran last goes on as long as it can,
then the first that can. So a schedule says only what matters, and one that was shrunk is short.

State: none. Context: any.
"""

import re
from itertools import groupby

Turns = tuple[tuple[int, int], ...]  #: (strand, steps)

_TURN = re.compile(r"(\d+)(?:\*(\d+))?$")


def turns_of(trace: list[int]) -> Turns:
    """The turns of a whole run."""
    return tuple((strand, len(list(run))) for strand, run in groupby(trace))


def text_of(turns: Turns) -> str:
    """A schedule as one line."""
    return " ".join(f"{strand}*{steps}" if steps > 1 else str(strand) for strand, steps in turns)


def parse(text: str) -> Turns:
    """A schedule from its text.

    Raises:
        ValueError: it is none.
    """
    turns = []
    for word in text.split():
        match = _TURN.match(word)
        if match is None:
            raise ValueError(f"{word!r} is no turn of a schedule (core*steps)")
        turns.append((int(match[1]), int(match[2] or 1)))
    return tuple(turns)
