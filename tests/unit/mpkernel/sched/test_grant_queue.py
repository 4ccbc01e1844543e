"""Grant queues: who is granted goes on, in order, and a wake for nothing ends no wait."""

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.sched.grant_queue import GrantQueue, grant_locked
from mpkernel.sched.task import TASK_BLOCKED, TASK_SLEEPING, current, sleep_state
from mpkernel.sched.wakeup import notice_signal, wake
from tests.support.kernel import Kernel, kernel


def queue(k: Kernel) -> GrantQueue:
    new = GrantQueue.at(k.scratch(GrantQueue.SIZE))
    new.init()
    return new


def grant(one: GrantQueue) -> None:
    with one.lock.irqsave():
        first = one.first_locked()
        assert first is not None
        grant_locked(first)


async def wait(one: GrantQueue, name: str, *, interruptible: bool = False) -> str:
    with one.lock.irqsave():
        one.append_locked(current())
    try:
        await one.granted(sleep_state(interruptible=interruptible))
    except Interrupted:
        return f"{name} interrupted"
    return name


def test_grants_come_in_order_and_wakes_for_nothing_do_not_count():
    with kernel(2) as k:
        one = queue(k)
        tasks = [k.spawn(index % 2, wait(one, name)) for index, name in enumerate("abc")]
        for index in (0, 1, 0):
            k.turn(index)
        assert [task.state for task in tasks] == [TASK_BLOCKED] * 3
        for _ in range(3):
            for task in tasks:
                wake(task)
            k.run()
            assert k.results == []
        for count in range(3):
            grant(one)
            k.run()
            assert k.results == list("abc"[: count + 1])
        assert one.is_empty()


@pytest.mark.parametrize("granted_first", [True, False])
def test_a_signal_ends_the_wait_unless_it_was_granted(granted_first):
    with kernel() as k:
        one = queue(k)
        task = k.spawn(0, wait(one, "a", interruptible=True))
        k.run()
        assert task.state == TASK_SLEEPING
        if granted_first:
            grant(one)
        task.signal_pending = 1
        notice_signal(task)
        k.run()
        assert k.results == ["a" if granted_first else "a interrupted"]
        assert one.is_empty()


def test_a_signal_that_came_before_the_wait_is_not_overlooked():
    with kernel() as k:
        one = queue(k)
        task = k.spawn(0, wait(one, "a", interruptible=True))
        task.signal_pending = 1
        k.run()
        assert k.results == ["a interrupted"]
