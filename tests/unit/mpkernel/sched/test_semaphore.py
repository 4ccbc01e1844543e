"""The semaphore: so many at a time, first come first served."""

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.arch.atomics import AtomicU64
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.semaphore import Semaphore
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.wakeup import notice_signal
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from tests.support import lockdep
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel


def semaphore(k: Kernel, permits: int) -> Semaphore:
    new = Semaphore.at(k.scratch(Semaphore.SIZE))
    new.init(permits)
    return new


@pytest.mark.parametrize("seed", range(10))
def test_so_many_at_a_time_and_no_more(seed):
    with kernel(3, seed) as k:
        permits, inside, most = semaphore(k, 3), [], []

        async def worker() -> None:
            await permits.acquire()
            inside.append(1)
            most.append(len(inside))
            await give_up_cpu()
            inside.pop()
            permits.release()

        for index in range(12):
            k.spawn(index % 3, worker())
        k.run()
        assert len(k.results) == 12
        assert max(most) == 3
        assert permits.permits == 3


def test_a_permit_goes_to_who_waits_and_not_to_who_comes():
    with kernel() as k:
        permits, order = semaphore(k, 0), []

        async def waiter(name: str) -> None:
            await permits.acquire()
            order.append(name)

        k.spawn(0, waiter("a"))
        k.spawn(0, waiter("b"))
        k.run()
        permits.release()
        assert not permits.try_acquire()
        permits.release()
        k.run()
        assert order == ["a", "b"]
        permits.release()
        assert permits.try_acquire()


def test_a_signal_ends_the_wait_and_no_permit_is_lost():
    with kernel() as k:
        permits = semaphore(k, 0)

        async def waiter() -> str:
            try:
                await permits.acquire(interruptible=True)
            except Interrupted:
                return "interrupted"
            return "permitted"

        tasks = [k.spawn(0, waiter()) for _ in range(2)]
        k.run()
        tasks[0].signal_pending = 1
        notice_signal(tasks[0])
        permits.release()  # to the first in the queue, whose signal came before
        k.run()
        permits.release()
        k.run()
        assert sorted(k.results) == ["permitted", "permitted"]
        third = k.spawn(0, waiter())
        k.run()
        third.signal_pending = 1
        notice_signal(third)
        k.run()
        assert k.results[-1] == "interrupted"
        permits.release()
        assert permits.permits == 1


def test_a_pool_used_by_cores_of_their_own_is_never_overdrawn():
    with core_processes(3) as k:
        permits, inside = semaphore(k, 2), AtomicU64.at(k.scratch(8))

        async def worker() -> None:
            for _ in range(200):
                await permits.acquire()
                assert inside.add(1) < 2
                inside.add(-1)
                permits.release()

        run_tasks(k, [(index % 3, worker()) for index in range(6)])
        assert permits.permits == 2


def test_of_a_class_of_its_own_the_validator_follows_who_gives():
    """In the order in which nothing happens: first the permit, then the wait."""
    with kernel() as k:
        mutex, permits = Mutex.at(k.scratch(Mutex.SIZE)), Semaphore.at(k.scratch(Semaphore.SIZE))
        mutex.init(ranks.INODE)
        permits.init(0, ranks.unranked("permits"))
        assert permits.name == "permits"

        async def give() -> None:
            async with mutex:
                permits.release()

        async def take() -> None:
            async with mutex:
                await permits.acquire()

        k.spawn(0, give())
        k.run()
        k.spawn(0, take())
        with lockdep.expected() as found:
            k.run()
        assert found.kinds == [report.CIRCULAR]
        assert sorted(found.reports[0].locks) == ["inode", "permits, the event"]
