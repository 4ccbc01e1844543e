"""The run queue: order of turns and counts, whatever is queued."""

import random

import pytest

from mpkernel.sched.run_queue import RUN_QUEUES, dequeue_locked, enqueue_locked, first_locked
from mpkernel.sched.task import TASK_READY
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("F1")


@pytest.mark.parametrize("seed", range(20))
def test_order_and_counts_are_those_of_two_lists(seed):
    """Against a model: tasks inside the kernel go first, each list in order of arrival."""
    chance = random.Random(seed)
    with kernel() as k:
        queue = RUN_QUEUES.of(0)
        model: tuple[list[int], list[int]] = ([], [])
        outside = [k.new_task() for _ in range(12)]
        for task in outside:
            task.state = TASK_READY
            task.in_kernel = chance.randrange(2)
        for _ in range(200):
            with queue.lock.irqsave():
                if outside and chance.random() < 0.5:
                    task = outside.pop(chance.randrange(len(outside)))
                    enqueue_locked(queue, task)
                    model[0 if task.in_kernel else 1].append(task.phys)
                elif (first := first_locked(queue)) is not None:
                    assert first.phys == (model[0] or model[1]).pop(0)
                    dequeue_locked(queue, first)
                    outside.append(first)
                else:
                    assert model == ([], [])
            assert queue.length == len(model[0]) + len(model[1])
            assert queue.stealable == len(model[1])


def test_only_ready_tasks_are_queued():
    with kernel() as k, pytest.raises(AssertionError):
        enqueue_locked(RUN_QUEUES.of(0), k.new_task())
