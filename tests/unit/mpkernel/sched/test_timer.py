"""Timers of a CPU: order, never early, cancelled from elsewhere."""

import random

import pytest

from mpkernel.sched import timer
from mpkernel.sched.timer import QUEUES, Timer
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("C3")


def test_a_thousand_timers_expire_in_order_and_none_early():
    with kernel() as k:
        start = timer.now_ns()
        order = random.Random(7)
        tasks = [k.new_task() for _ in range(1000)]
        deadlines = {}
        for task in tasks:
            deadlines[task.phys] = start + order.randrange(20_000_000)
            timer.arm(task, deadlines[task.phys])
        listed = [t.deadline_ns for t in QUEUES.of(0).timers.objects(Timer, "node")]
        assert listed == sorted(deadlines.values())
        fired: list[int] = []
        while len(fired) < 1000:
            expired = timer.take_expired()
            now = timer.now_ns()
            assert all(deadlines[task] <= now for task in expired)
            fired += expired
        assert [deadlines[task] for task in fired] == sorted(deadlines.values())


def test_disarm_from_another_cpu():
    with kernel(2) as k:
        task = k.new_task()
        timer.arm(task, timer.now_ns())
        k.use(1)
        timer.disarm(task)
        k.use(0)
        assert timer.take_expired() == []
        assert timer.next_deadline_ns() == timer.NEVER
