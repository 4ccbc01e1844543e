"""The tick: whose time it is counted as, and when a turn ends."""

import pytest

from mpkernel.arch.cpu import cpu
from mpkernel.sched import tick, timer
from mpkernel.sched.task import TASK_READY, TASK_SLEEPING
from mpkernel.sched.wakeup import start
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("C3")


@pytest.mark.parametrize("in_kernel", [0, 1])
def test_ticks_count_and_end_the_turn(in_kernel):
    with kernel() as k:
        task, area = k.new_task(), cpu().area
        task.in_kernel, area.current = in_kernel, task.phys
        before, system = tick.STATS.of(0).ticks, tick.STATS.of(0).system_ticks
        tick.new_turn(task)
        for number in range(1, tick.SLICE_TICKS + 1):
            timer.set_tick(timer.now_ns())
            tick.timer_interrupt()
            assert area.need_resched == (number == tick.SLICE_TICKS)
        spent = tick.SLICE_TICKS * tick.TICK_NS
        assert (task.user_ns, task.system_ns) == ((0, spent) if in_kernel else (spent, 0))
        assert task.slice_ns == 0
        assert tick.STATS.of(0).ticks - before == tick.SLICE_TICKS
        assert tick.STATS.of(0).system_ticks - system == in_kernel * tick.SLICE_TICKS
        area.current = 0


def test_ticks_missed_are_one():
    with kernel():
        before = tick.STATS.of(0).ticks
        timer.set_tick(1)  # long ago
        tick.timer_interrupt()
        tick.timer_interrupt()
        assert tick.STATS.of(0).ticks == before + 1
        assert timer.QUEUES.of(0).tick_ns > timer.now_ns()


def test_an_interrupt_before_its_time_is_no_tick_but_wakes_who_is_due():
    with kernel() as k:
        task = k.new_task()
        task.state = TASK_SLEEPING
        timer.arm(task, timer.now_ns())
        before = tick.STATS.of(0).ticks
        tick.timer_interrupt()
        assert task.state == TASK_READY
        assert tick.STATS.of(0).ticks == before


def test_a_tick_that_runs_goes_on():
    with kernel():
        tick.start_tick()
        first = timer.QUEUES.of(0).tick_ns
        assert first != timer.NEVER
        tick.start_tick()
        assert timer.QUEUES.of(0).tick_ns == first


def test_others_wait_once_a_task_is_queued():
    with kernel() as k:
        assert not tick.others_wait()
        start(k.new_task(), 0)
        assert tick.others_wait()
