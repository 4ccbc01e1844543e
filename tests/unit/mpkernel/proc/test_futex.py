"""Futexes: no lost wakeups, counts, bit sets, requeueing; every waiter's memory comes back."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.mm.user_memory import put_u32
from mpkernel.proc import futex
from mpkernel.sched import timer
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes


async def errno_of(address: int, expected: int, *more: int) -> int:
    try:
        await futex.wait(address, expected, *more)
    except SysError as error:
        return error.errno
    return 0


def test_another_value_does_not_wait(processes: Processes) -> None:
    me = processes.make()

    async def body() -> None:
        await put_u32(SCRATCH, 5)
        assert await errno_of(SCRATCH, 4) == Errno.EAGAIN
        assert await errno_of(SCRATCH + 1, 5) == Errno.EINVAL
        assert await errno_of(0x1000, 0) == Errno.EFAULT
        assert await errno_of(SCRATCH, 5, 0) == Errno.EINVAL
        with pytest.raises(SysError) as caught:
            await futex.wait(SCRATCH, 5, deadline_ns=timer.now_ns())
        assert caught.value.errno == Errno.ETIMEDOUT
        assert futex.WAITERS.in_use == 0

    processes.run(me, body)


def test_as_many_wake_as_are_asked_for(processes: Processes) -> None:
    me = processes.make()
    order: list[int] = []

    def waiter(number: int, bits: int = futex.ANY) -> object:
        async def body() -> None:
            await futex.wait(SCRATCH, 0, bits)
            order.append(number)

        return body

    async def waker() -> list[int]:
        counts = [await futex.wake(SCRATCH + 4, 9)]
        counts.append(await futex.wake(SCRATCH, 9, bits=2))
        counts.append(await futex.wake(SCRATCH, 1))
        counts.append(await futex.wake(SCRATCH, 9))
        counts.append(await futex.wake(SCRATCH, 9))
        return counts

    bodies = [waiter(0, 1), waiter(1, 2), waiter(2, 4), waiter(3, 2), waker]
    assert processes.run(me, *bodies)[-1] == [0, 2, 1, 1, 0]  # type: ignore[arg-type]
    assert sorted(order) == [0, 1, 2, 3]
    assert futex.WAITERS.in_use == 0


def test_requeue_moves_waiters(processes: Processes) -> None:
    me = processes.make()
    other = SCRATCH + 0x1040

    async def waiter() -> None:
        await futex.wait(SCRATCH, 0)

    async def mover() -> list[int]:
        counts = [await futex.requeue(SCRATCH, 1, other, 1)]
        counts.append(await futex.wake(other, 9))
        counts.append(await futex.wake(SCRATCH, 9))
        with pytest.raises(SysError):
            await futex.requeue(SCRATCH, 1, other, 1, expected=7)
        return counts

    assert processes.run(me, waiter, waiter, waiter, mover)[-1] == [2, 1, 1]
    assert futex.WAITERS.in_use == 0
