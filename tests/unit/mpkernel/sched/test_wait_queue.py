"""Wait queues: no wakeup is lost, in any order of turns."""

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.arch import atomics
from mpkernel.sched import timer
from mpkernel.sched.task import TASK_SLEEPING
from mpkernel.sched.wait_queue import WaitQueue, give_up_cpu
from mpkernel.sched.wakeup import notice_signal
from tests.support.kernel import Kernel, kernel

pytestmark = pytest.mark.feature("F4")


def queue(k: Kernel) -> WaitQueue:
    new = WaitQueue.at(k.scratch(WaitQueue.SIZE))
    new.init()
    return new


@pytest.mark.parametrize("seed", range(50))
def test_ring_of_sleepers_passes_a_token(seed):
    cpus, rounds = 3, 5
    with kernel(cpus, seed) as k:
        tokens = k.scratch(8 * cpus)
        queues = [queue(k) for _ in range(cpus)]

        async def member(me: int) -> int:
            following = (me + 1) % cpus
            for turn in range(rounds):
                await queues[me].wait_until(lambda: atomics.load64(tokens + 8 * me) > turn)  # noqa: B023
                old = atomics.load64(tokens + 8 * following)
                atomics.store64(tokens + 8 * following, old + 1)
                queues[following].wake_all()
            return me

        atomics.store64(tokens, 1)
        for index in range(cpus):
            k.spawn(index, member(index))
        k.run()
        assert sorted(k.results) == [0, 1, 2]
        assert all(one.is_empty() for one in queues)


def test_a_wake_between_the_test_and_the_switch_is_not_lost():
    """The waker comes when the sleeper has tested its condition but still runs."""
    with kernel(2) as k:
        events, flag = queue(k), k.scratch(8)

        def condition_then_wake() -> bool:
            holds = atomics.load64(flag) != 0
            if not holds and not events.is_empty():  # second test: listed, about to leave
                k.use(1)
                atomics.store64(flag, 1)
                events.wake_all()
                k.use(0)
            return holds

        async def sleeper() -> str:
            await events.wait_until(condition_then_wake)
            return "woken"

        k.spawn(0, sleeper())
        k.run()
        assert k.results == ["woken"]


def test_wake_one_wakes_the_one_that_waits_longest():
    with kernel() as k:
        events, tickets = queue(k), k.scratch(8)

        def take() -> bool:
            left = atomics.load64(tickets)
            return left > 0 and atomics.cas64(tickets, left, left - 1) == left

        async def sleeper(name: str) -> str:
            await events.wait_until(take)
            return name

        for name in "abc":
            k.spawn(0, sleeper(name))
        k.run()
        for _ in range(3):
            atomics.store64(tickets, 1)
            events.wake_one()
            k.run()
        assert k.results == ["a", "b", "c"]
        assert not events.wake_one()


def test_a_signal_ends_only_interruptible_sleep():
    with kernel() as k:
        events, flag = queue(k), k.scratch(8)

        async def sleeper(*, interruptible: bool) -> str:
            try:
                await events.wait_until(lambda: atomics.load64(flag), interruptible=interruptible)
            except Interrupted:
                return "interrupted"
            return "woken"

        tasks = [k.spawn(0, sleeper(interruptible=flag)) for flag in (True, False)]
        k.run()
        for task in tasks:
            task.signal_pending = 1
            notice_signal(task)
        k.run()
        assert k.results == ["interrupted"]
        atomics.store64(flag, 1)
        events.wake_all()
        k.run()
        assert k.results == ["interrupted", "woken"]


def test_a_deadline_ends_the_wait_not_before_its_time():
    with kernel() as k:
        events = queue(k)
        deadline = timer.now_ns() + 20_000_000

        async def sleeper() -> tuple[bool, bool]:
            came = await events.wait_until(lambda: False, deadline_ns=deadline)
            return came, timer.now_ns() >= deadline

        task = k.spawn(0, sleeper())
        k.run()
        assert task.state == TASK_SLEEPING
        while not k.results:
            k.run()
        assert k.results == [(False, True)]
        assert not task.timer.is_armed


@pytest.mark.feature("F5")
def test_a_task_that_yields_runs_again():
    with kernel() as k:

        async def twice() -> str:
            await give_up_cpu()
            return "again"

        k.spawn(0, twice())
        k.run()
        assert k.results == ["again"]
