"""A task waits until no RCU reader of before is left."""

from collections.abc import Iterator

import pytest

from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.panic import KernelPanic
from mpkernel.sched import grace_period
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sync import rcu
from tests.support import lockdep
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import kernel


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    before = dict(rcu.ENDED._entries)
    rcu.ENDED._entries.clear()
    rcu.ENDED.fill(grace_period.ended)
    yield
    rcu.ENDED._entries.clear()
    rcu.ENDED._entries.update(before)


def test_it_ends_when_all_cpus_have_passed_the_scheduler():
    with kernel(2) as k:
        grace_period.init()

        async def waiter() -> str:
            await grace_period.passed()
            return "passed"

        k.spawn(0, waiter())
        k.turn(0)
        k.use(0)
        rcu.quiescent()
        k.turn(0)
        assert k.results == []
        k.use(1)
        rcu.quiescent()
        k.run()
        assert k.results == ["passed"]


def test_it_may_not_be_waited_for_inside_a_read_section():
    with kernel() as k:
        grace_period.init()

        async def wrong() -> None:
            with rcu.read():
                await grace_period.passed()

        k.spawn(0, wrong())
        with lockdep.expected(), pytest.raises((AssertionError, KernelPanic)):
            k.run()


def test_what_is_taken_away_on_one_core_is_not_seen_on_another_afterwards():
    with core_processes(3) as k:
        grace_period.init()
        places = [k.scratch(64) for _ in range(2)]
        current, ended = AtomicU64.at(k.scratch(8)), AtomicU64.at(k.scratch(8))
        for at in places:
            memory.words(at, 8)[0] = 1
        current.store(places[0])

        async def writer() -> None:
            for turn in range(100):
                old = places[turn % 2]
                rcu.publish(current, places[1 - turn % 2])
                await grace_period.passed()
                memory.words(old, 8)[0] = 0  # nobody looks
                memory.words(old, 8)[0] = 1
            ended.store(1)

        async def reader() -> None:
            while not ended.load():
                with rcu.read():
                    words = memory.words(rcu.follow(current), 8)
                    for _ in range(5):
                        assert words[0] == 1
                await give_up_cpu()

        run_tasks(k, [(0, writer()), (1, reader()), (2, reader())])
