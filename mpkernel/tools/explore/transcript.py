"""What happened in a schedule, step by step: who touched what, from which line.

State: private to one run. Context: mpkernel.tools.explore.
"""

import linecache
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hw.spec.watch import ATOMIC, COMPARE, PRIVATE, WRITE
from mpkernel.tools.explore.names import Names

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Strand
    from mpkernel.tools.explore.rig import Rig


@dataclass(frozen=True)
class Step:
    """One access."""

    strand: int
    line: int  #: of the scenario, 0 if none of its functions is at work
    verb: str
    what: str

    def __str__(self) -> str:
        return f"{self.strand} line {self.line} {self.verb} {self.what}"


class Transcript:
    """Records the steps of a run; give ``record`` to ``Rig.run``."""

    def __init__(self, rig: "Rig") -> None:
        self.steps: list[Step] = []
        self._path = str(rig.scenario.path)
        self._names = Names(rig)

    def record(self, strand: "Strand", address: int, kind: int) -> None:
        """A step is being made."""
        if not kind & PRIVATE:
            what = self._names.name(address)
            self.steps.append(Step(strand.index, self._line(), verb_of(kind), what))

    def _line(self) -> int:
        frame = sys._getframe(1)  # noqa: SLF001  the only way to the caller's line
        while frame is not None:
            if frame.f_code.co_filename == self._path:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return 0

    def source(self, line: int) -> str:
        """A line of the scenario."""
        return linecache.getline(self._path, line).strip() if line else "(scheduler)"


def verb_of(kind: int) -> str:
    """An access in a word."""
    if kind & COMPARE:
        return "cas"
    if kind & ATOMIC:
        return "sets" if kind & WRITE else "looks at"
    return "writes" if kind & WRITE else "reads"
