"""The sleeping mutex: exclusion, wakeups, owner, who overtakes whom, and who gives up."""

import os

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.arch import memory
from mpkernel.panic import KernelPanic
from mpkernel.sched.mutex import OVERTAKES, Mutex
from mpkernel.sched.task import Task, current
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.wakeup import notice_signal, wake
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from tests.support import lockdep
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel


@pytest.mark.parametrize("seed", range(20))
def test_sections_never_overlap_and_all_end(seed):
    with kernel(3, seed) as k:
        mutex = Mutex.at(k.scratch(Mutex.SIZE))
        mutex.init(ranks.INODE)
        inside: list[int] = []
        counter = [0]

        async def worker(me: int) -> int:
            for _ in range(10):
                async with mutex:
                    assert not inside
                    inside.append(me)
                    seen = counter[0]
                    await give_up_cpu()
                    counter[0] = seen + 1
                    inside.remove(me)
            return me

        for me in range(6):
            k.spawn(me % 3, worker(me))
        k.run()
        assert sorted(k.results) == list(range(6))
        assert counter == [60]


def test_taken_twice_and_foreign_release_panic():
    with kernel() as k:
        mutex = Mutex.at(k.scratch(Mutex.SIZE))
        mutex.init(ranks.INODE)

        async def twice() -> None:
            await mutex.acquire()
            with pytest.raises(KernelPanic, match="taken twice"):
                await mutex.acquire()

        async def foreign() -> None:
            with pytest.raises(KernelPanic, match="does not hold"):
                mutex.release()

        k.spawn(0, twice())
        k.spawn(0, foreign())
        with lockdep.expected() as found:
            k.run()
        assert found.kinds == [report.RECURSION, report.LEFT_HELD, report.NOT_HELD]
        assert len(k.results) == 2


def mutex_of(k: Kernel) -> Mutex:
    mutex = Mutex.at(k.scratch(Mutex.SIZE))
    mutex.init(ranks.INODE)
    return mutex


@pytest.mark.feature("E3")
def test_a_killed_waiter_leaves_the_queue_and_the_next_gets_the_lock():
    with kernel() as k:
        mutex, order = mutex_of(k), []

        async def holder() -> None:
            async with mutex:
                while not order:
                    await give_up_cpu()

        async def waiter(name: str) -> None:
            try:
                await mutex.acquire(interruptible=True)
            except Interrupted:
                order.append(f"{name} killed")
                return
            order.append(name)
            mutex.release()

        k.spawn(0, holder())
        k.turn(0)
        tasks = [k.spawn(0, waiter(name)) for name in "ab"]
        for _ in range(3):
            k.turn(0)
        tasks[0].signal_pending = 1
        notice_signal(tasks[0])
        k.run()
        assert order == ["a killed", "b"]
        assert mutex.owner.value == 0
        assert mutex.queue.is_empty()
        assert not wake(tasks[0]), "a wake that comes later is harmless"


def test_a_waiter_is_overtaken_only_so_often():
    with kernel(2) as k:
        mutex, waited = mutex_of(k), []

        async def greedy() -> None:
            for _ in range(100):
                await mutex.acquire()
                await give_up_cpu()
                mutex.release()
                if waited:
                    return

        async def waiter() -> None:
            async with mutex:
                waited.append(1)

        k.spawn(0, greedy())
        k.turn(0)
        task = k.spawn(1, waiter())
        k.turn(1)
        overtaken = 0
        while not waited:
            k.turn(0)
            overtaken += 1
            if mutex.owner.value & ~1 == task.phys:
                break
            if overtaken % 2:
                k.turn(1)
        assert 1 < overtaken <= 2 * (OVERTAKES + 2)
        k.run()
        assert waited == [1]


@pytest.mark.feature("E3", "OPEN-5")
def test_eight_tasks_on_four_cores_of_their_own_lose_no_update_and_none_sleeps_on():
    rounds = 10_000 if os.environ.get("MPK_LONG") else 1_500
    with core_processes(4) as k:
        mutex, words = mutex_of(k), memory.words(k.scratch(8), 1)

        async def worker() -> None:
            for turn in range(rounds):
                async with mutex:
                    seen = words[0]
                    if turn % 50 == 0:
                        await give_up_cpu()
                    words[0] = seen + 1

        run_tasks(k, [(index % 4, worker()) for index in range(8)])
        assert words[0] == 8 * rounds
        assert mutex.owner.value == 0


@pytest.mark.feature("E3", "OPEN-6")
def test_waiters_that_are_killed_while_cores_race_leave_nothing_behind():
    with core_processes(3) as k:
        mutex, words = mutex_of(k), memory.words(k.scratch(16), 2)

        async def worker(rounds: int) -> None:
            for _ in range(rounds):
                async with mutex:
                    words[0] += 1

        async def victim() -> None:
            for _ in range(300):
                try:
                    await mutex.acquire(interruptible=True)
                except Interrupted:
                    current().signal_pending = 0
                    continue
                words[1] += 1
                mutex.release()

        async def killer(tasks: list[Task]) -> None:
            for turn in range(600):
                task = tasks[turn % len(tasks)]
                task.signal_pending = 1
                notice_signal(task)
                await give_up_cpu()

        victims: list[Task] = []
        bodies = [victim() for _ in range(4)]
        run_tasks(
            k,
            [(0, worker(600)), (1, worker(600)), (2, killer(victims))]
            + [(index % 3, body) for index, body in enumerate(bodies)],
            started=lambda tasks: victims.extend(tasks[3:]),
        )
        assert words[0] == 1200
        assert mutex.owner.value == 0
        assert mutex.queue.is_empty()
