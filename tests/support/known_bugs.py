"""The table of known bugs: runs each with the tool that should find it, and its repaired twin.

    MPK_WATCH=all python -m tests.support.known_bugs            results as JSON, one line a bug
    MPK_WATCH=all python -m tests.support.known_bugs --write    and docs/known_bugs.md

A bug is a scenario in tests/schedules/known_bugs, which also says KIND of finding, TOOL and WITHIN
how many schedules; functions that end in ``_repaired`` make its twin.

State: a machine's memory, in a process of its own.
"""

import json
import runpy
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mpkernel.tools.explore.campaign import campaign, strategy_of, watchdog
from mpkernel.tools.explore.rig import rig
from mpkernel.tools.explore.scenario import load
from tests.support.source_tree import ROOT

FOLDER = ROOT / "tests/schedules/known_bugs"
DOCUMENT = ROOT / "docs/known_bugs.md"
#: Schedules that a repaired twin has to stand, at each commit and in the long run.
TWIN_SCHEDULES = 200
LONG_TWIN_SCHEDULES = 10_000
#: Steps about which pct guesses, and after which a schedule is a livelock.
LENGTH = 40
MOST_STEPS = 3_000


@dataclass(frozen=True)
class Bug:
    """What a scenario says of itself."""

    name: str
    text: str
    kind: str
    tool: str
    within: int
    ledger: str


@dataclass(frozen=True)
class Outcome:
    """What was found."""

    name: str
    kind: str  #: of the finding, '' if there was none
    needed: int  #: schedules until it was found
    twin: str  #: what is wrong with the twin, '' if nothing
    twin_schedules: int
    is_exhaustive: bool  #: those were all schedules of the twin


def bugs() -> list[Bug]:
    """All of them, by name."""
    return [_bug(path) for path in sorted(FOLDER.glob("*.py"))]


def _bug(path: Path) -> Bug:
    names = runpy.run_path(str(path))
    text = " ".join(names["__doc__"].split())
    return Bug(
        path.stem, text, names["KIND"], names["TOOL"], names["WITHIN"], names.get("LEDGER", "")
    )


def examine(bug: Bug, twin_schedules: int = TWIN_SCHEDULES) -> Outcome:
    """Run a bug and its twin."""
    path = FOLDER / f"{bug.name}.py"
    strategy = bug.tool if bug.tool in ("pct", "dfs") else "random"
    races, locks = bug.tool == "racecheck", bug.tool == "validator"
    with rig(load(path), most_steps=MOST_STEPS, racecheck=races, lockdep=locks) as made:
        with watchdog(made):
            found = campaign(made, strategy_of(strategy, 0, None, LENGTH), bug.within)
        made.forget()
    twin = load(path, variant="repaired")
    with rig(twin, most_steps=MOST_STEPS, racecheck=races) as made:
        with watchdog(made):
            clean = campaign(made, strategy_of(strategy, 0, None, LENGTH), twin_schedules)
        made.forget()
    wrong = str(clean.finding.failure) if clean.finding is not None else ""
    kind = found.finding.failure.kind if found.finding is not None else ""
    return Outcome(
        bug.name, kind, found.schedules, wrong, clean.schedules, clean.is_exhaustive
    )


def document(outcomes: list[Outcome]) -> str:
    """docs/known_bugs.md."""
    needed = {outcome.name: outcome.needed for outcome in outcomes}
    lines = [
        "# Known bugs",
        "",
        "Bugs that kernels really had, each as a scenario with its repaired twin: what finds it,",
        "and how many schedules that took (seeds from 0). The twins are clean over 10,000. Generated",
        "by `python -m tests.support.known_bugs --write`; a test holds it to the scenarios.",
        "",
        "| bug | what goes wrong | finding | tool | schedules |",
        "| - | - | - | - | -: |",
    ]
    for bug in bugs():
        link = f"[{bug.name}](../tests/schedules/known_bugs/{bug.name}.py)"
        tool = bug.tool if bug.tool in ("racecheck", "validator") else f"explore, {bug.tool}"
        lines.append(f"| {link} | {bug.text} | {bug.kind} | {tool} | {needed[bug.name]} |")
    return "\n".join(lines) + "\n"


def outcomes(twin_schedules: int) -> Iterator[Outcome]:
    """Run all."""
    for bug in bugs():
        yield examine(bug, twin_schedules)


def main() -> None:
    """Print the outcomes."""
    count = LONG_TWIN_SCHEDULES if "--long" in sys.argv else TWIN_SCHEDULES
    done = []
    for outcome in outcomes(count):
        done.append(outcome)
        print(json.dumps(asdict(outcome)), flush=True)  # noqa: T201  the output of the command
    if "--write" in sys.argv:
        DOCUMENT.write_text(document(done))


if __name__ == "__main__":
    main()
