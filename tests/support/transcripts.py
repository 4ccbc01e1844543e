"""Recorded transcripts: what seeds and schedules led to on the machine that recorded them.

    MPK_WATCH=all python -m tests.support.transcripts --write      record them anew

Each file in tests/schedules/transcripts is a known bug's finding, as the user reads it, and each
step that led to it. Wherever the test runs, the same seed has to give these bytes. They change with
the steps of the kernel's locks, hence those without any lock among them.

State: a machine's memory, in a process of its own.
"""

import sys
from collections.abc import Iterator
from typing import Final

from mpkernel.tools.explore.campaign import campaign, strategy_of, watchdog
from mpkernel.tools.explore.rig import rig
from mpkernel.tools.explore.scenario import load
from tests.support.known_bugs import FOLDER, LENGTH, MOST_STEPS, bugs
from tests.support.source_tree import ROOT

TRANSCRIPTS: Final = ROOT / "tests/schedules/transcripts"
#: By strategy: random, dfs, pct; the race checker; words alone, spinlocks, tasks that sleep.
RECORDED: Final = (
    "lost_update", "used_ring_wrap", "free_list_aba", "wake_while_leaving",
    "counter_torn_by_interrupt", "published_through_plain_flag", "abba_spins",
    "set_state_after_test",
)  # fmt: skip


def transcript(name: str) -> str:
    """Find a known bug; the finding and its steps."""
    bug = next(one for one in bugs() if one.name == name)
    strategy = bug.tool if bug.tool in ("pct", "dfs") else "random"
    scenario = load(FOLDER / f"{name}.py")
    with rig(
        scenario, most_steps=MOST_STEPS, racecheck=bug.tool == "racecheck", lockdep=False
    ) as made:
        with watchdog(made):
            finding = campaign(made, strategy_of(strategy, 0, None, LENGTH), bug.within).finding
        made.forget()
    assert finding is not None
    steps = "\n".join(map(_without_address, finding.transcript))
    return f"{strategy}, seed {finding.seed}\n{finding.text(f'{name}.py')}\n{steps}\n"


def _without_address(step: str) -> str:
    """A step of the kernel's own, wherever its objects are placed."""
    before, is_kernel, _ = step.partition("(kernel ")
    return before + "(kernel)" if is_kernel else step


def transcripts() -> Iterator[tuple[str, str]]:
    """All of them, by name."""
    for name in RECORDED:
        yield name, transcript(name)


def main() -> None:
    """Print them, or write them."""
    for name, text in transcripts():
        if "--write" in sys.argv:
            TRANSCRIPTS.mkdir(exist_ok=True)
            (TRANSCRIPTS / f"{name}.txt").write_text(text)
        else:
            print(f"==> {name} <==\n{text}", end="")  # noqa: T201  the output of the command


if __name__ == "__main__":
    main()
