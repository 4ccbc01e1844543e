"""PCT: cores run by priority, and at a few steps, drawn before, the one that runs falls last.

Why: a bug that needs d orderings among n cores and k steps is found by one schedule with a chance
of at least 1 / (n k^(d-1)), however unlikely it is at random.

Spec: Burckhardt and others, A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs
(ASPLOS 2010). State: private. Context: mpkernel.tools.explore.
"""

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Baton, Strand

#: Orderings of a bug that are looked for; so many less one changes of priority.
DEPTH: Final = 3
#: Cores and interrupts a scenario may have.
_MOST_STRANDS: Final = 128


class Pct:
    """Schedule n of a campaign has the seed ``seed`` + n; its length is guessed from ``length``."""

    name = "pct"
    waits_for_locks = False

    def __init__(self, seed: int, length: int) -> None:
        self.seed = seed - 1
        self._length = length
        self._priorities: list[int] = []
        self._falls: list[int] = []
        self._lowest = 0

    def begin(self) -> bool:
        """Draw priorities and the steps at which they change."""
        self.seed += 1
        draw = random.Random(self.seed)
        self._priorities = draw.sample(range(1, _MOST_STRANDS + 1), _MOST_STRANDS)
        self._falls = [draw.randrange(self._length) for _ in range(DEPTH - 1)]
        self._lowest = 0
        return True

    def choose(self, baton: "Baton", current: "Strand | None") -> "Strand":
        """The highest priority, after the changes that are due."""
        if current is not None and len(baton.trace) in self._falls:
            self._lowest -= 1
            self._priorities[current.index] = self._lowest
        priorities = self._priorities
        return max(baton.enabled, key=lambda strand: priorities[strand.index])

    def end(self, baton: "Baton") -> None:
        """Nothing is learnt: what a seed does must not depend on schedules before."""
