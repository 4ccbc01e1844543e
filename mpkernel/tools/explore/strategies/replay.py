"""Replay: one schedule, as written.

State: private. Context: mpkernel.tools.explore.
"""

from typing import TYPE_CHECKING

from mpkernel.tools.explore.schedule import Turns

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Baton, Strand


class Replay:
    """Follows a schedule's turns, then lets whoever runs go on."""

    name = "replay"
    waits_for_locks = False
    seed = 0

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self._at = 0
        self._left = 0
        self._last = -1

    def begin(self) -> bool:
        """From the first turn on."""
        self._at = 0
        self._left = self.turns[0][1] if self.turns else 0
        self._last = -1
        return True

    def choose(self, baton: "Baton", current: "Strand | None") -> "Strand":  # noqa: ARG002
        """Whose turn it is; if it cannot run, its turn is over."""
        enabled = baton.enabled
        while self._at < len(self.turns):
            index = self.turns[self._at][0]
            if self._left:
                for strand in enabled:
                    if strand.index == index:
                        self._left -= 1
                        self._last = index
                        return strand
            self._at += 1
            self._left = self.turns[self._at][1] if self._at < len(self.turns) else 0
        for strand in enabled:
            if strand.index == self._last:
                return strand
        self._last = enabled[0].index
        return enabled[0]

    def end(self, baton: "Baton") -> None:
        """Nothing is learnt."""
