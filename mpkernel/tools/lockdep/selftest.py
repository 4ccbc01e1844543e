"""The validator's own test: every scenario with real locks, each on a machine of its own.

A scenario is reported if the validator reports. What wound/wait contexts are misused for, their
locks find out themselves: there a panic counts, too.

State: maps machines into this process, one at a time. Context: a process without a machine.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from mpkernel.arch import ipi
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.panic import KernelPanic
from mpkernel.sched import run_queue, timer
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.tools.lockdep.nesting import Nesting
from mpkernel.tools.lockdep.scenario import Scenario, load
from mpkernel.tools.lockdep.sequence import Scratch, Sequence, in_task

#: Group whose tasks' readers queue behind writers; in all others readers overtake.
_QUEUED: Final = "8 queued rwlock"

#: Group whose locks check their use themselves.
_WOUND_WAIT: Final = "7 wound/wait"

#: Cases whose verdict differs on purpose, with the reason.
DIFFERENCES: Final[dict[str, str]] = {}

#: Makes a powered board with one CPU.
Board = Callable[[], AbstractContextManager[Cpu]]


def run(scenario: Scenario, this: Cpu) -> bool:
    """Do a scenario on a fresh CPU; return whether it is reported."""
    use_cpu(this)
    ipi.init()
    this.lockdep = Lockdep(this, spinners_hold_off_deferred=False, speaks=False)
    run_queue.init(0)
    timer.init(0)
    scratch = Scratch()
    try:
        in_task(scratch, _body(scenario, scratch))
        is_stopped = False
    except (KernelPanic, AssertionError):
        is_stopped = True
    finally:
        use_cpu(Cpu(0))
    return bool(report.all_reports()) or (is_stopped and scenario.group == _WOUND_WAIT)


def _body(scenario: Scenario, scratch: Scratch) -> Coroutine[Any, Any, None]:
    if scenario.context_pair is not None:
        return Nesting(scratch).run(*scenario.context_pair)
    sequence = Sequence(scratch, readers_overtake=scenario.group != _QUEUED)
    return sequence.run(scenario.steps)


def verdicts(board: Board) -> Iterator[tuple[Scenario, bool]]:
    """Each scenario, and whether its verdict is the expected one."""
    for scenario in load():
        with board() as this:
            yield scenario, run(scenario, this) == scenario.is_reported
