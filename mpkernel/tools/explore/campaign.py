"""A campaign: schedules of one strategy until one fails or all are done; then the finding, shrunk.

State: private. Context: mpkernel.tools.explore.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mpkernel.tools.explore.baton import Looker
from mpkernel.tools.explore.drawing import draw
from mpkernel.tools.explore.finding import LIVELOCK, Failure
from mpkernel.tools.explore.rig import Rig, Run
from mpkernel.tools.explore.schedule import Turns, parse, text_of, turns_of
from mpkernel.tools.explore.shrink import shrink
from mpkernel.tools.explore.strategies.dfs import Dfs
from mpkernel.tools.explore.strategies.pct import Pct
from mpkernel.tools.explore.strategies.random import RandomWalk
from mpkernel.tools.explore.strategies.replay import Replay
from mpkernel.tools.explore.transcript import Transcript

if TYPE_CHECKING:
    from mpkernel.tools.explore.strategies.strategy import Strategy

#: Seconds of CPU time without a step after which a core is said to be in an endless loop, and
#: seconds of any time after which it is said to wait for what never comes.
STUCK_SECONDS: Final = 2.0
WAITING_SECONDS: Final = 60.0


class NoStep(BaseException):
    """Raised into a program that computes or waits for ever between two steps."""


@dataclass(frozen=True)
class Finding:
    """A failure, and the schedule that shows it."""

    failure: Failure
    turns: Turns
    table: str
    transcript: tuple[str, ...]
    seed: int
    number: int  #: schedules run until it was found

    def text(self, path: str, extra: str = "") -> str:
        """What the user reads; the same bytes whenever the schedule is replayed."""
        schedule = text_of(self.turns)
        switches = sum(1 for _ in self.turns) - 1
        return (
            f"{self.failure}\n{self.failure.detail}\n{self.table}\n\n"
            f"schedule ({max(switches, 0)} switches): {schedule}\n"
            f"again: mpkernel explore {path} --strategy replay{extra} --schedule '{schedule}'\n"
        )


@dataclass(frozen=True)
class Result:
    """What a campaign has found, and how far it came."""

    finding: Finding | None
    schedules: int
    steps: int
    is_exhaustive: bool


def strategy_of(name: str, seed: int, schedule: str | None, length: int) -> "Strategy":
    """A strategy by its name; ``replay`` without a schedule is that of a random seed.

    Raises:
        ValueError: the schedule is none.
    """
    if name == "replay" and schedule is not None:
        return Replay(parse(schedule))
    if name == "dfs":
        return Dfs()
    return Pct(seed, length) if name == "pct" else RandomWalk(seed)


def campaign(rig: Rig, strategy: "Strategy", schedules: int) -> Result:
    """Run up to so many schedules, until one fails.

    Raises:
        BadScenario: its setup fails.
    """
    done = steps = 0
    while done < schedules and strategy.begin():
        run = guarded_run(rig, strategy)
        steps += len(run.trace)
        done += not run.is_redundant
        if run.failure is not None:
            finding = examine(rig, run, strategy, done)
            return Result(finding, done, steps, is_exhaustive=False)
    exhausted = isinstance(strategy, Dfs) and (strategy.is_exhaustive or not strategy.begin())
    return Result(None, done, steps, is_exhaustive=exhausted)


def examine(rig: Rig, run: Run, strategy: "Strategy", number: int) -> Finding:
    """Shrink a failing schedule, unless it was given as it is, and draw what remains."""
    assert run.failure is not None
    kind = run.failure.kind
    turns = turns_of(run.trace)
    if isinstance(strategy, Replay):
        turns = strategy.turns
    elif kind != LIVELOCK:
        turns = shrink(turns, lambda shorter: _ends_in(rig, shorter, kind))
    else:
        turns = ()
    again, transcript = _once_more(rig, turns)
    if again.failure is None:
        turns = turns_of(run.trace)
        again, transcript = _once_more(rig, turns)
    steps = tuple(str(step) for step in transcript.steps)
    table = draw(transcript, again.names)
    return Finding(again.failure or run.failure, turns, table, steps, strategy.seed, number)


def _once_more(rig: Rig, turns: Turns) -> tuple[Run, Transcript]:
    rig.forget()
    transcript = Transcript(rig)
    replay = Replay(turns)
    replay.begin()
    return guarded_run(rig, replay, transcript.record), transcript


def _ends_in(rig: Rig, turns: Turns, kind: str) -> bool:
    rig.forget()
    replay = Replay(turns)
    replay.begin()
    failure = guarded_run(rig, replay).failure
    return failure is not None and failure.kind == kind


def guarded_run(rig: Rig, strategy: "Strategy", looker: Looker | None = None) -> Run:
    """Run one schedule; a program that never comes to its next step is a livelock."""
    run = rig.run(strategy, looker)
    if run.failure is not None and run.failure.text.startswith(NoStep.__name__):
        text = f"no step in {STUCK_SECONDS:g} s of computing, or {WAITING_SECONDS:g} s at all"
        run.failure = Failure(LIVELOCK, run.failure.who, text)
    return run


@contextmanager
def watchdog(rig: Rig | None = None) -> Iterator[None]:
    """Raise NoStep into a program that computes or waits for ever between two steps.

    Without a rig: into what makes no steps at all.
    """
    timers = (
        (signal.SIGVTALRM, signal.ITIMER_VIRTUAL, STUCK_SECONDS),
        (signal.SIGALRM, signal.ITIMER_REAL, WAITING_SECONDS),
    )
    last: dict[int, int] = {}

    def look(number: int, _frame: Any) -> None:
        progress = rig.progress() if rig is not None else 0
        if last.get(number) == progress:
            raise NoStep("it never ends")
        last[number] = progress

    before = [signal.signal(number, look) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
