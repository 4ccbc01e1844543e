"""What a user asks of the explorer: the command's options.

It stands apart from what does it, because that must not be imported before MPK_WATCH is set.

State: none. Context: any.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """Options of ``mpkernel explore``, by their names there."""

    scenario: Path
    cores: int | None = None
    strategy: str = "random"
    seed: int = 0
    schedules: int = 1_000
    schedule: str | None = None
    length: int = 60
    variant: str = ""
    no_lockdep: bool = False
    racecheck: bool = False

    @property
    def replay_options(self) -> str:
        """What a replay needs besides the schedule."""
        return (
            (f" --cores {self.cores}" if self.cores else "")
            + (f" --variant {self.variant}" if self.variant else "")
            + (" --no-lockdep" if self.no_lockdep else "")
            + (" --racecheck" if self.racecheck else "")
        )
