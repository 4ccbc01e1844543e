"""Wait cells and once channels: before and after, many waiters, a sender that goes."""

import random

import pytest

from mpkernel.abi.errno import Interrupted, SysError
from mpkernel.sched.wait_cell import OnceChannel, WaitCell
from mpkernel.sched.wakeup import notice_signal, wake
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel

pytestmark = pytest.mark.feature("E4")


def wait_cell(k: Kernel) -> WaitCell:
    cell = WaitCell.at(k.scratch(WaitCell.SIZE))
    cell.init()
    return cell


def once_channel(k: Kernel) -> OnceChannel:
    channel = OnceChannel.at(k.scratch(OnceChannel.SIZE))
    channel.init()
    return channel


def test_a_hundred_waiters_before_and_one_after_get_the_value():
    with kernel(2) as k:
        cell = wait_cell(k)
        for index in range(100):
            k.spawn(index % 2, cell.wait())
        k.run()
        assert not k.results
        assert cell.get() is None
        assert cell.set(7)
        assert not cell.set(8)
        k.spawn(0, cell.wait())
        k.run()
        assert k.results == [7] * 101
        assert cell.get() == 7


@pytest.mark.parametrize("seed", range(20))
def test_wakes_for_nothing_end_no_wait(seed):
    chance = random.Random(seed)
    with kernel(2, seed) as k:
        cell, channel = wait_cell(k), once_channel(k)
        tasks = [k.spawn(index % 2, cell.wait()) for index in range(5)]
        tasks.append(k.spawn(1, channel.receive()))
        for _ in range(30):
            wake(chance.choice(tasks))
            k.run()
            assert not k.results
        cell.set(1)
        channel.send(1)
        k.run()
        assert k.results == [1] * 6


def test_a_channel_gives_its_value_whenever_it_is_sent():
    with kernel() as k:
        early, late = once_channel(k), once_channel(k)
        early.send(3)
        k.spawn(0, early.receive())
        k.spawn(0, late.receive())
        k.run()
        assert k.results == [3]
        late.send(4)
        k.run()
        assert k.results == [3, 4]
        late.drop()
        assert late.get() == 4
        with pytest.raises(AssertionError, match="twice"):
            late.send(5)


@pytest.mark.parametrize("before", [True, False])
def test_a_sender_that_goes_ends_the_wait(before):
    with kernel() as k:
        channel = once_channel(k)

        async def receiver() -> str:
            with pytest.raises(SysError, match="EPIPE"):
                await channel.receive()
            return "gone"

        if before:
            channel.drop()
        k.spawn(0, receiver())
        k.run()
        channel.drop()
        k.run()
        assert k.results == ["gone"]


def test_a_signal_ends_the_wait_and_a_later_value_harms_nobody():
    with kernel() as k:
        channel = once_channel(k)

        async def receiver() -> str:
            with pytest.raises(Interrupted):
                await channel.receive(interruptible=True)
            return "interrupted"

        task = k.spawn(0, receiver())
        k.run()
        task.signal_pending = 1
        notice_signal(task)
        k.run()
        channel.send(1)
        k.run()
        assert k.results == ["interrupted"]


def test_values_reach_waiters_on_cores_of_their_own():
    with core_processes(3) as k:
        cells = [wait_cell(k) for _ in range(100)]

        async def waiter() -> None:
            for place, cell in enumerate(cells):
                assert await cell.wait() == place + 1

        async def setter() -> None:
            for place, cell in enumerate(cells):
                assert cell.set(place + 1)

        run_tasks(k, [(0, setter()), (1, waiter()), (2, waiter()), (2, waiter())])
