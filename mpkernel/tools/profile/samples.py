"""Samples of stacks, by core: read from py-spy, with the parts of the kernel named.

    kernel_entry (mpkernel/boot/start.py);run_cpu (mpkernel/sched/switch.py) 17

State: none. Context: the host.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_FRAME: Final = re.compile(r"^(?P<name>.*) \((?P<file>[^()]*?)(?::(?P<line>\d+))?\)$")
_OURS: Final = re.compile(r"(?:^|/)(?P<path>(?:hw|mpkernel|guests)/.*\.py)$")
#: What starts a process, below which its work begins.
_OUTERMOST: Final = ("run_core", "_run_devices")
#: Parts of the machine by path; the longest that fits. All else of mpkernel is its folder.
_PARTS: Final = {
    "hw/cpu": "user code",
    "hw/irq": "board: interrupts",
    "hw/virtio": "board: devices",
    "hw/disk": "device process",
    "hw/bus": "board: bus",
    "hw": "board",
    "mpkernel/arch/trap.py": "entry and exit",
    "mpkernel/drivers/virtio": "drivers: virtio",
    "mpkernel/fs/ext2": "fs: ext2",
    "mpkernel/sync/lockdep": "lock validator",
}


class Frame(NamedTuple):
    """A function in a stack."""

    name: str
    file: str  #: from the root of our files; of others, as it is
    part: str  #: of the machine

    def label(self) -> str:
        """As it is drawn."""
        return f"{self.part}: {self.name}"


Stack = tuple[Frame, ...]
Counts = Counter[Stack]


@dataclass
class Samples:
    """Stacks and how often each was seen, outermost call first, by who ran."""

    rate: int  #: samples a second
    by_party: dict[str, Counts] = field(default_factory=dict)

    def add(self, party: str, lines: Iterable[str]) -> None:
        """Take py-spy's raw output of one process."""
        counts = self.by_party.setdefault(party, Counter())
        for line in lines:
            text, _, count = line.rstrip().rpartition(" ")
            if text and count.isdigit():
                counts[_stack(text)] += int(count)

    def total(self) -> int:
        """Number of all samples."""
        return sum(counts.total() for counts in self.by_party.values())

    def parts(self) -> dict[str, Counter[str]]:
        """By who ran: samples in each part of the machine, by the innermost call of ours."""
        return {
            party: Counter({part: number for part, number in _by_part(counts).items() if number})
            for party, counts in self.by_party.items()
        }


def part_of(path: str) -> str:
    """Name of the part that a file of ours belongs to."""
    fits = [prefix for prefix in _PARTS if path == prefix or path.startswith(f"{prefix}/")]
    if fits:
        return _PARTS[max(fits, key=len)]
    pieces = path.split("/")
    return pieces[1] if pieces[0] == "mpkernel" and len(pieces) > 2 else pieces[0]


def _by_part(counts: Counts) -> Counter[str]:
    found: Counter[str] = Counter()
    for stack, number in counts.items():
        ours = [frame.part for frame in stack if frame.part != "host"]
        found[ours[-1] if ours else "host"] += number
    return found


def _stack(text: str) -> Stack:
    frames = [_frame(word) for word in text.split(";")]
    for place, frame in enumerate(frames):
        if frame.name.rpartition(".")[2] in _OUTERMOST:
            return tuple(frames[place + 1 :])
    return tuple(frames)


def _frame(word: str) -> Frame:
    match = _FRAME.match(word)
    if match is None:
        return Frame(word, "", "host")
    ours = _OURS.search(match["file"])
    if ours is None:
        return Frame(match["name"], match["file"], "host")
    path = ours["path"]
    return Frame(match["name"], path, part_of(path))
