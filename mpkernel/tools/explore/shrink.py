"""Shrinking: the schedule with the fewest turns that still ends alike.

A turn is left out, and the schedule stays as it is if that changes how it ends; until no turn can
be left out. What follows the last turn needs no switch (schedule.py): few turns, few switches.

State: none. Context: mpkernel.tools.explore.
"""

from collections.abc import Callable
from typing import Final

from mpkernel.tools.explore.schedule import Turns

#: Runs that shrinking may take.
MOST_RUNS: Final = 2_000


def shrink(turns: Turns, fails: Callable[[Turns], bool]) -> Turns:
    """A schedule from which no turn can go; ``fails`` holds for it as it does for ``turns``."""
    runs = 0
    size = max(len(turns) // 2, 1)
    while True:
        at = 0
        shrunk = False
        while at < len(turns) and runs < MOST_RUNS:
            shorter = merged(turns[:at] + turns[at + size :])
            runs += 1
            if fails(shorter):
                turns, shrunk = shorter, True
            else:
                at += size
        if size == 1 and not shrunk:
            return _with_short_turns(turns, fails)
        size = max(size // 2, 1)


def _with_short_turns(turns: Turns, fails: Callable[[Turns], bool]) -> Turns:
    """The same turns, each of one step if that is enough."""
    for at, (strand, steps) in enumerate(turns):
        shorter = (*turns[:at], (strand, 1), *turns[at + 1 :])
        if steps > 1 and fails(shorter):
            turns = shorter
    return turns


def merged(turns: Turns) -> Turns:
    """The same schedule with neighbouring turns of one core as one."""
    result: list[tuple[int, int]] = []
    for strand, steps in turns:
        if result and result[-1][0] == strand:
            result[-1] = (strand, result[-1][1] + steps)
        else:
            result.append((strand, steps))
    return tuple(result)
