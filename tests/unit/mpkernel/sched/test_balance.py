"""Where tasks start and how they move."""

import pytest

from mpkernel.sched import balance
from mpkernel.sched.idle import IDLE
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import Task
from mpkernel.sched.wakeup import start
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("F1")


def test_hogs_spread_evenly():
    with kernel(4) as k:
        for _ in range(16):
            task = k.new_task()
            start(task, balance.choose_cpu(task.affinity))
        assert [RUN_QUEUES.of(index).length for index in range(4)] == [4, 4, 4, 4]


def test_an_idle_cpu_pulls_from_the_fullest_and_respects_affinity():
    with kernel(3) as k:
        for _ in range(3):
            start(k.new_task(), 0)
        tied = k.new_task()
        tied.affinity = 1
        start(tied, 0)
        k.use(1)
        IDLE.cpus.or_(1 << 1)
        assert balance.pull(minimum=1)
        moved = RUN_QUEUES.of(1).ready.first(Task, "run_node")
        assert moved is not None
        assert moved.cpu == 1
        for _ in range(5):
            balance.pull(minimum=1)
        assert RUN_QUEUES.of(0).length >= 1
        assert not any(
            task.phys == tied.phys for task in RUN_QUEUES.of(1).ready.objects(Task, "run_node")
        )


def test_a_task_asleep_in_the_kernel_does_not_move():
    with kernel(2) as k:
        task = k.new_task()
        task.in_kernel = 1
        start(task, 0)
        k.use(1)
        assert not balance.pull(minimum=1)
