"""The validator's own test: every scenario with real locks, each on a machine of its own.

A scenario that ends in a panic was reported before that, or its verdict is wrong.

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
from mpkernel.tools.lockdep import reclaim
from mpkernel.tools.lockdep.nesting import Nesting
from mpkernel.tools.lockdep.scenario import Scenario, load
from mpkernel.tools.lockdep.sequence import Scratch, Sequence, in_task
from mpkernel.tools.lockdep.wound_wait import WoundWait

#: Group whose tasks' readers queue behind writers; in all others readers overtake.
_QUEUED: Final = "8 queued rwlock"

_WOUND_WAIT: Final = "7 wound/wait"
_RECLAIM: Final = "9 reclaim"

#: Makes a powered board with one CPU.
Board = Callable[[], AbstractContextManager[Cpu]]


def is_right(scenario: Scenario, this: Cpu) -> bool:
    """Do a scenario on a fresh CPU; return whether it is reported as it should be."""
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
    is_reported = bool(report.all_reports())
    return is_reported == scenario.is_reported and (is_reported or not is_stopped)


def _body(scenario: Scenario, scratch: Scratch) -> Coroutine[Any, Any, None]:
    if scenario.context_pair is not None:
        return Nesting(scratch).run(*scenario.context_pair)
    if scenario.group == _WOUND_WAIT:
        return WoundWait(scratch).run(scenario.case)
    if scenario.group == _RECLAIM:
        return reclaim.run(scenario.case)
    assert scenario.steps, f"nobody knows how to do {scenario.case}"
    sequence = Sequence(scratch, readers_overtake=scenario.group != _QUEUED)
    return sequence.run(scenario.steps)


def verdicts(board: Board) -> Iterator[tuple[Scenario, bool]]:
    """Each scenario, and whether its verdict is the expected one."""
    for scenario in load():
        with board() as this:
            yield scenario, is_right(scenario, this)
