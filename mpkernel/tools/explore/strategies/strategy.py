"""What a strategy is: it is asked at each switch point, and told when a schedule has ended.

State: private. Context: mpkernel.tools.explore.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Baton, Strand


class Strategy(Protocol):
    """Chooses who makes the next step."""

    #: What to call it in reports.
    name: str
    #: Of the schedule at hand, for those who draw.
    seed: int
    #: Whether who wants a spinlock that is taken cannot run, instead of spinning.
    waits_for_locks: bool

    def begin(self) -> bool:
        """Get ready for another schedule; False if there is none left."""

    def choose(self, baton: "Baton", current: "Strand | None") -> "Strand":
        """Return one of ``baton.enabled``; ``current`` stands at a point, None: it cannot go on."""

    def end(self, baton: "Baton") -> None:
        """The schedule has ended; ``baton.trace`` is all of it."""
