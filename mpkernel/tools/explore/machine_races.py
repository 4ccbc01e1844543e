"""Races on data in a whole machine, whose cores take turns: ``boot --schedule-seed --racecheck``.

Each pair of lines is reported once. A report does not stop the machine: there may be more. What
devices do to RAM is left out: they order their accesses by fences, which are no accesses.

State: private to the process of such a machine. Context: MPK_WATCH=all.
"""

import sys
from typing import Final

from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import MAX_RAM
from hw.spec.watch import ATOMIC
from mpkernel.tools.explore.racecheck import Race, RaceCheck, Stack

#: Frames that tell one pair of lines from another.
_LINES: Final = 5


class MachineRaces:
    """The race checker of a machine; give ``look`` to its turns."""

    def __init__(self, cpus: int) -> None:
        self._names = [f"core {index}" for index in range(cpus)]
        self._check = RaceCheck(cpus + 1, self._found)
        self._devices = cpus
        self._known: set[tuple[Stack, Stack]] = set()

    @property
    def count(self) -> int:
        """Races reported."""
        return len(self._known)

    def look(self, party: int, address: int, kind: int) -> None:
        """An access is about to be made; outside RAM only atomics matter, which give order."""
        in_ram = DIRECT_MAP <= address < DIRECT_MAP + MAX_RAM and party != self._devices
        if kind & ATOMIC or in_ram:
            self._check.look(party, address, kind)

    def _found(self, race: Race) -> None:
        lines = race.first.stack[:_LINES], race.second.stack[:_LINES]
        if self._devices in (race.first.strand, race.second.strand) or lines in self._known:
            return
        self._known.add(lines)
        text, detail = race.told(self._names, f"{race.address - DIRECT_MAP:#x}")
        sys.stderr.write(f"mpkernel: data race: {text}\n{detail}\n")
