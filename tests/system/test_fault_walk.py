"""One page fault of a program's text walks through all eleven stations, on two cores."""

import re
from pathlib import Path

import pytest

from tests.support.command import mpkernel

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
LINE = re.compile(r"\[ *\d+\.\d+\] (core \d+|device process) +(\d+) (.+)")
STATIONS = 11
#: Many faults on core 5 on pages that nobody has read: some disk reads end before the task sleeps.
COMMANDS = "for file in /bin/*; do taskset 20 mapfile $file; done"


def walks(text: str) -> list[list[tuple[str, int, str]]]:
    """Runs of lines that go from station 1 to 11: who, station, what."""
    steps = [(m[1], int(m[2]), m[3]) for m in map(LINE.match, text.splitlines()) if m]
    found = []
    for start, (_, station, _) in enumerate(steps):
        if station != 1:
            continue
        walk = [steps[start]]
        for step in steps[start + 1 :]:
            if step[1] == walk[-1][1] + 1:
                walk.append(step)
            elif step[1] <= 8:  # another walk begins; a second interrupt may come in between
                break
        if len(walk) == STATIONS:
            found.append(walk)
    return found


def masked(walk: list[tuple[str, int, str]]) -> list[str]:
    """What is the same in every run: stations and words, not numbers."""
    return [
        f"{re.sub(r'[0-9]+', 'N', who)} {station} {re.sub(r'0x[0-9a-f]+|[0-9]+', 'N', what)}"
        for who, station, what in walk
    ]


@pytest.mark.feature("A3", "B10", "F2")
def test_a_fault_walks_through_all_stations_and_is_what_the_architecture_shows(tmp_path: Path):
    trace = tmp_path / "trace"
    # Core 5 shares its disk queue with core 1, which takes the interrupt.
    done = mpkernel("boot", "--cpus", "6", "--trace", trace, "--cmdline", COMMANDS)
    assert done.returncode == 0, done.stderr
    found = [walk for walk in walks(trace.read_text()) if walk[0][0] == "core 5"]
    assert found, "no fault of core 5 went all the way"
    shown = walks(ARCHITECTURE.read_text())
    assert len(shown) == 1
    same = [walk for walk in found if masked(walk) == masked(shown[0])]
    assert same, f"none is like the one shown:\n{found}"
    walk = same[0]
    faulting, woken_by = walk[0][0], walk[8][0]
    assert woken_by not in (faulting, "device process")
    assert walk[10][0] == faulting
    assert {step[0] for step in walk[:6]} == {faulting}
