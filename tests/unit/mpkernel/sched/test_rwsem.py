"""The read-write semaphore: many readers or one writer, first come first served."""

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.arch import memory
from mpkernel.panic import KernelPanic
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.wakeup import notice_signal
from mpkernel.sync import ranks
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel


def rwsem(k: Kernel) -> Rwsem:
    new = Rwsem.at(k.scratch(Rwsem.SIZE))
    new.init(ranks.INODE)
    return new


@pytest.mark.parametrize("seed", range(20))
def test_a_writer_is_alone_and_readers_are_not(seed):
    with kernel(3, seed) as k:
        lock, inside, most = rwsem(k), [], []

        async def reader() -> None:
            for _ in range(5):
                async with lock.read():
                    inside.append("r")
                    most.append(len(inside))
                    await give_up_cpu()
                    assert "w" not in inside
                    inside.remove("r")

        async def writer() -> None:
            for _ in range(5):
                async with lock.write():
                    assert not inside
                    inside.append("w")
                    await give_up_cpu()
                    inside.remove("w")

        for index in range(9):
            k.spawn(index % 3, reader() if index % 3 else writer())
        k.run()
        assert len(k.results) == 9
        assert max(most) > 1
        assert lock.word.value == 0


def in_steps(k: Kernel, lock: Rwsem, plan: str) -> list[str]:
    """Tasks that take the lock in this order, R or W, and hold it until told; who got in when."""
    order: list[str] = []

    async def task(kind: str, place: int) -> None:
        async with lock.read() if kind == "R" else lock.write():
            order.append(f"{kind}{place}")
            await give_up_cpu()
            await give_up_cpu()

    for place, kind in enumerate(plan):
        k.spawn(0, task(kind, place))
        k.turn(0)
    k.run()
    return order


def test_who_waits_comes_in_order_and_readers_come_together():
    with kernel() as k:
        assert in_steps(k, rwsem(k), "RRWRWWRR") == ["R0", "R1", "W2", "R3", "W4", "W5", "R6", "R7"]


def test_a_writer_that_becomes_a_reader_lets_readers_in_and_no_writer():
    with kernel() as k:
        lock, order = rwsem(k), []

        async def first() -> None:
            await lock.acquire_write()
            await give_up_cpu()
            order.append("down")
            lock.downgrade()
            await give_up_cpu()
            order.append("gone")
            lock.release_read()

        async def second(name: str) -> None:
            async with lock.read() if name == "reader" else lock.write():
                order.append(name)

        k.spawn(0, first())
        k.turn(0)
        k.spawn(0, second("reader"))
        k.spawn(0, second("writer"))
        k.run()
        assert order == ["down", "reader", "gone", "writer"]


def test_a_writer_that_gives_up_lets_the_readers_behind_it_in():
    with kernel() as k:
        lock, order = rwsem(k), []

        async def holder() -> None:
            async with lock.read():
                while "reader" not in order:
                    await give_up_cpu()

        async def writer() -> None:
            with pytest.raises(Interrupted):
                await lock.acquire_write(interruptible=True)
            order.append("interrupted")

        async def reader() -> None:
            async with lock.read():
                order.append("reader")

        k.spawn(0, holder())
        k.turn(0)
        waiting = k.spawn(0, writer())
        k.turn(0)
        k.turn(0)
        k.spawn(0, reader())
        for _ in range(4):
            k.turn(0)
        assert order == []
        waiting.signal_pending = 1
        notice_signal(waiting)
        k.run()
        assert sorted(order) == ["interrupted", "reader"]
        assert lock.word.value == 0


def test_tries_take_only_what_is_free():
    with kernel() as k:
        lock = rwsem(k)

        async def one() -> None:
            assert lock.try_acquire_read()
            assert lock.try_acquire_read()
            assert not lock.try_acquire_write()
            lock.release_read()
            assert lock.is_read()
            lock.assert_held()
            lock.release_read()
            assert not lock.is_read()
            assert lock.try_acquire_write()
            lock.assert_held(write=True)
            assert not lock.try_acquire_read()
            assert not lock.try_acquire_write()
            lock.release_write()

        k.spawn(0, one())
        k.run()
        assert len(k.results) == 1


def test_release_of_what_is_not_held_panics():
    with kernel() as k:
        k.cpus[0].lockdep = None
        lock = rwsem(k)

        async def one() -> None:
            for wrong in (lock.release_read, lock.release_write, lock.downgrade):
                lock.word.store(0)
                with pytest.raises(KernelPanic):
                    wrong()
            with pytest.raises(KernelPanic):
                lock.assert_held()
            with pytest.raises(KernelPanic, match="before init"):
                await Rwsem.at(k.scratch(Rwsem.SIZE)).acquire_read()

        k.spawn(0, one())
        k.run()
        assert len(k.results) == 1


def test_cores_of_their_own_lose_no_update_and_nobody():
    with core_processes(3) as k:
        lock, words = rwsem(k), memory.words(k.scratch(16), 2)

        async def writer() -> None:
            for _ in range(300):
                async with lock.write():
                    words[0] += 1
                    words[1] += 1

        async def reader() -> None:
            for _ in range(300):
                async with lock.read():
                    assert words[0] == words[1]

        run_tasks(k, [(index % 3, reader() if index % 2 else writer()) for index in range(6)])
        assert list(words) == [900, 900]
