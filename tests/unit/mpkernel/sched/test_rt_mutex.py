"""The rt-mutex: its owner runs with the priority of who waits, along chains, and not longer."""

import pytest

from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import memory
from mpkernel.panic import KernelPanic
from mpkernel.sched.rt_mutex import RtMutex, set_base_priority
from mpkernel.sched.task import Task, current
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.wakeup import notice_signal
from mpkernel.sync import ranks
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel


def rt_mutex(k: Kernel, name: str = "rt") -> RtMutex:
    new = RtMutex.at(k.scratch(RtMutex.SIZE))
    new.init(ranks.unranked(name))
    return new


def test_the_important_one_waits_for_the_holder_and_not_for_others():
    """Priority inversion: with a plain mutex the middle task would run to its end first."""
    with kernel() as k:
        lock, order = rt_mutex(k), []

        async def low() -> None:
            async with lock:
                for _ in range(3):
                    await give_up_cpu()
                order.append("low is through")

        async def middle() -> None:
            for _ in range(10):
                await give_up_cpu()
            order.append("middle")

        async def high() -> None:
            async with lock:
                order.append("high")

        k.spawn(0, low())
        k.turn(0)
        for body, priority in ((middle(), 5), (high(), 9)):
            set_base_priority(k.spawn(0, body), priority)
        k.run()
        assert order == ["low is through", "high", "middle"]


def test_priority_is_lent_along_a_chain_and_given_back():
    with kernel() as k:
        locks = [rt_mutex(k, f"rt{n}") for n in range(3)]
        seen: list[list[int]] = []
        go: list[int] = []

        async def link(place: int) -> None:
            async with locks[place]:
                if place == 0:
                    while not go:
                        await give_up_cpu()
                else:
                    async with locks[place - 1]:
                        pass

        async def top() -> None:
            async with locks[2]:
                pass

        tasks: list[Task] = []
        for place in range(3):
            tasks.append(k.spawn(0, link(place)))
            for _ in range(4):
                k.turn(0)
        seen.append([task.priority for task in tasks])
        important = k.spawn(0, top())
        set_base_priority(important, 7)
        for _ in range(8):
            k.turn(0)
        seen.append([task.priority for task in tasks])
        set_base_priority(important, 3)
        seen.append([task.priority for task in tasks])
        go.append(1)
        k.run()
        seen.append([task.priority for task in tasks])
        assert seen == [[0, 0, 0], [7, 7, 7], [3, 3, 3], [0, 0, 0]]
        assert len(k.results) == 4


def test_waiters_come_in_order_of_priority():
    with kernel() as k:
        lock, order = rt_mutex(k), []

        async def task(name: str) -> None:
            async with lock:
                order.append(name)
                await give_up_cpu()

        async def holder() -> None:
            async with lock:
                for _ in range(12):
                    await give_up_cpu()

        k.spawn(0, holder())
        k.turn(0)
        for name in ("a1", "b5", "c3", "d5", "e0"):
            set_base_priority(k.spawn(0, task(name)), int(name[1:]))
        k.run()
        assert order == ["b5", "d5", "c3", "a1", "e0"]


def test_a_waiter_that_gives_up_takes_its_priority_back():
    with kernel() as k:
        lock, go = rt_mutex(k), []

        async def holder() -> None:
            async with lock:
                while not go:
                    await give_up_cpu()

        async def waiter() -> str:
            with pytest.raises(Interrupted):
                await lock.acquire(interruptible=True)
            return "left"

        held_by = k.spawn(0, holder())
        k.turn(0)
        waiting = k.spawn(0, waiter())
        set_base_priority(waiting, 4)
        k.turn(0)
        k.turn(0)
        assert held_by.priority == 4
        waiting.signal_pending = 1
        notice_signal(waiting)
        k.turn(0)
        k.turn(0)
        assert held_by.priority == 0
        go.append(1)
        k.run()
        assert lock.owner.value == 0
        assert "left" in k.results


def test_a_chain_that_comes_back_is_a_deadlock():
    with kernel(2) as k:
        for cpu in k.cpus:
            cpu.lockdep = None  # it would say so, too, and before
        locks = [rt_mutex(k, "a"), rt_mutex(k, "b")]

        async def task(mine: int) -> str:
            async with locks[mine]:
                await give_up_cpu()
                try:
                    async with locks[1 - mine]:
                        return "both"
                except SysError as error:
                    return Errno(error.errno).name

        k.spawn(0, task(0))
        k.spawn(1, task(1))
        k.run()
        assert sorted(k.results) == ["EDEADLK", "both"]


def test_taken_twice_and_foreign_release_panic():
    with kernel() as k:
        k.cpus[0].lockdep = None
        lock = rt_mutex(k)

        async def one() -> None:
            with pytest.raises(KernelPanic, match="does not hold"):
                lock.release()
            assert lock.try_acquire()
            assert not lock.try_acquire()
            with pytest.raises(KernelPanic, match="twice"):
                await lock.acquire()
            lock.release()
            with pytest.raises(KernelPanic, match="needed here"):
                lock.assert_held()

        k.spawn(0, one())
        k.run()
        assert len(k.results) == 1


def test_cores_of_their_own_lose_no_update():
    with core_processes(3) as k:
        lock, words = rt_mutex(k), memory.words(k.scratch(8), 1)

        async def worker(priority: int) -> None:
            set_base_priority(current(), priority)
            for _ in range(200):
                async with lock:
                    words[0] += 1

        run_tasks(k, [(index % 3, worker(index)) for index in range(6)])
        assert words[0] == 1200
