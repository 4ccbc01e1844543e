"""The timer interrupt: tasks whose time has come wake, the running task's turn may end.

Only a busy CPU ticks, 100 times a second; ticks missed while the host ran somebody else are one.
Time itself comes from the clock, so no CPU keeps it for the others.

State: RAM. Locks: TimerQueue.lock, RunQueue.lock, one after the other.
Context: interrupt; start_tick, the scheduler's loop.
"""

from typing import Final

from hw.spec.layout import Layout, layout, this_cpu, u64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.sched import timer
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import Task
from mpkernel.sched.wakeup import wake

HZ: Final = 100
TICK_NS: Final = 1_000_000_000 // HZ
#: Ticks of a task's turn while others wait.
SLICE_TICKS: Final = 2


@layout()
class TickStats(Layout):
    """What a CPU's ticks have seen."""

    ticks: u64
    system_ticks: u64  #: of them inside the kernel


STATS: Final = PerCpu(TickStats)
assert this_cpu  # TickStats is touched by its own CPU only


def timer_interrupt() -> None:
    """Wake whoever's time has come; tick if it is time to."""
    for addr in timer.take_expired():
        wake(Task.at(addr))
    index = cpu().index
    now = timer.now_ns()
    if timer.QUEUES.of(index).tick_ns > now:
        return
    timer.set_tick(now + TICK_NS)
    _tick(index)


def _tick(index: int) -> None:
    area = cpu().area
    stats = STATS.of(index)
    stats.ticks += 1
    if not area.current:
        return
    task = Task.at(area.current)
    if task.in_kernel:
        stats.system_ticks += 1
        task.system_ns += TICK_NS
    else:
        task.user_ns += TICK_NS
    if task.slice_ns > TICK_NS:
        task.slice_ns -= TICK_NS
    else:
        task.slice_ns = 0
        area.need_resched = 1


def start_tick() -> None:
    """Tick from now on, unless this CPU does already."""
    if timer.QUEUES.of(cpu().index).tick_ns == timer.NEVER:
        timer.set_tick(timer.now_ns() + TICK_NS)


def new_turn(task: Task) -> None:
    """Give a task that begins to run its time slice."""
    task.slice_ns = SLICE_TICKS * TICK_NS


def others_wait() -> bool:
    """Whether another task is queued on this CPU."""
    return RUN_QUEUES.of(cpu().index).length > 0
