"""Wakeups: which states they end, and that none is lost while a CPU leaves the task."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.arch.ipi import COUNTS
from mpkernel.panic import KernelPanic
from mpkernel.sched import switch
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import (
    TASK_BLOCKED,
    TASK_DEAD,
    TASK_NEW,
    TASK_READY,
    TASK_RUNNING,
    TASK_SLEEPING,
)
from mpkernel.sched.wakeup import notice_signal, start, wake
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("F4")
STATES = (TASK_NEW, TASK_READY, TASK_RUNNING, TASK_SLEEPING, TASK_BLOCKED, TASK_DEAD)


@pytest.mark.parametrize("only_interruptible", [False, True])
@pytest.mark.parametrize("state", STATES)
def test_only_sleep_ends(state, only_interruptible):
    wakes = {TASK_SLEEPING} if only_interruptible else {TASK_SLEEPING, TASK_BLOCKED}
    with kernel() as k:
        task = k.new_task()
        task.state = state
        assert wake(task, only_interruptible=only_interruptible) == (state in wakes)
        assert RUN_QUEUES.of(0).length == (1 if state in wakes else 0)
        assert task.state == (TASK_READY if state in wakes else state)
        assert cpu().area.need_resched == (1 if state in wakes else 0)


@pytest.mark.parametrize("order", ["wake first", "leave first"])
def test_a_task_being_left_is_queued_once(order):
    with kernel(2) as k:
        task = k.new_task()
        task.state, task.on_cpu, task.cpu = TASK_SLEEPING, 1, 0
        halves = [lambda: (k.use(1), wake(task)), lambda: (k.use(0), switch._leave(task))]
        for half in halves if order == "wake first" else reversed(halves):
            half()
        assert task.state == TASK_READY
        assert not task.on_cpu
        assert RUN_QUEUES.of(0).length == 1
        assert not wake(task)  # a second waker finds it awake
        assert RUN_QUEUES.of(0).length == 1


def test_another_cpus_task_is_kicked_by_an_interrupt():
    with kernel(2) as k:
        start(k.new_task(), 1)
        assert COUNTS.of(0).sent[0] == 1
        assert not cpu().area.need_resched
        k.use(1)
        interrupts.safepoint()
        assert cpu().area.need_resched
        assert COUNTS.of(1).taken[0] == 1


def test_only_new_tasks_start():
    with kernel() as k:
        task = k.new_task()
        start(task, 0)
        with pytest.raises(KernelPanic, match="AssertionError"):
            start(task, 0)


def test_a_signal_kicks_the_cpu_of_a_running_task_only():
    with kernel(2) as k:
        task = k.new_task()
        task.cpu = 1
        for state in STATES:
            if state != TASK_SLEEPING:
                task.state = state
                notice_signal(task)
                assert COUNTS.of(0).sent[0] == (1 if state >= TASK_RUNNING else 0)
        assert RUN_QUEUES.of(1).length == 0
