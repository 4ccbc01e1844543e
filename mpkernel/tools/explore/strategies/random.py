"""Random walk: at each switch point each core that can run is as likely as any other.

State: private. Context: mpkernel.tools.explore.
"""

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Baton, Strand


class RandomWalk:
    """Schedule n of a campaign has the seed ``seed`` + n: it can be had again by itself."""

    name = "random"
    waits_for_locks = False

    def __init__(self, seed: int) -> None:
        self.seed = seed - 1
        self._draw = random.Random(0).random

    def begin(self) -> bool:
        """Draw from the next seed."""
        self.seed += 1
        self._draw = random.Random(self.seed).random
        return True

    def choose(self, baton: "Baton", current: "Strand | None") -> "Strand":  # noqa: ARG002
        """Any, alike."""
        enabled = baton.enabled
        count = len(enabled)
        return enabled[0] if count == 1 else enabled[int(self._draw() * count)]

    def end(self, baton: "Baton") -> None:
        """Nothing is learnt."""
