"""One request of the command line: run the campaign, say what came of it.

The finding goes to standard output, and a replay of its schedule prints the same bytes; how it was
found goes to standard error.

State: none. Context: a process of its own, under MPK_WATCH.
"""

import sys
from typing import Final

from mpkernel.tools.explore.campaign import NoStep, Result, campaign, strategy_of, watchdog
from mpkernel.tools.explore.request import Request
from mpkernel.tools.explore.rig import rig
from mpkernel.tools.explore.scenario import BadScenario, load

STATUS_CLEAN: Final = 0
STATUS_FOUND: Final = 1
STATUS_BAD: Final = 2


def run(request: Request) -> int:
    """Do it; return the status."""
    try:
        with watchdog():
            scenario = load(request.scenario, request.cores, request.variant)
        strategy = strategy_of(request.strategy, request.seed, request.schedule, request.length)
        made = rig(scenario, racecheck=request.racecheck, lockdep=not request.no_lockdep)
        with made as machine, watchdog(machine):
            result = campaign(machine, strategy, request.schedules)
    except NoStep:
        sys.stderr.write(f"mpkernel: {request.scenario}: it never ends while it is loaded\n")
        return STATUS_BAD
    except (BadScenario, ValueError) as error:
        sys.stderr.write(f"mpkernel: {' '.join(str(error).split())}\n")
        return STATUS_BAD
    _say(request, result)
    return STATUS_FOUND if result.finding is not None else STATUS_CLEAN


def _say(request: Request, result: Result) -> None:
    """Print the finding, or that there is none."""
    finding = result.finding
    if finding is not None:
        sys.stdout.write(finding.text(str(request.scenario), request.replay_options))
        if request.strategy != "replay" or request.schedule is None:
            sys.stderr.write(
                f"{request.strategy}, seed {finding.seed}: failed at schedule {finding.number:,}\n"
            )
    elif result.is_exhaustive:
        sys.stdout.write(f"nothing found; exhaustive: {result.schedules:,} schedules\n")
    else:
        last = request.seed + result.schedules - 1
        seeds = f", seeds {request.seed} to {last}" if request.strategy in ("random", "pct") else ""
        sys.stdout.write(
            f"nothing found in {result.schedules:,} schedules ({request.strategy}{seeds})\n"
        )
