"""Clocks and sleeps: clocks agree with the host's, sleeps last, bad times are refused."""

import struct
import time as host_time

from mpkernel.abi.times import (
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_THREAD_CPUTIME_ID,
    TIMER_ABSTIME,
)
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, get_u64
from mpkernel.sched.timer import now_ns
from mpkernel.syscall import time
from mpkernel.syscall.time_arguments import read_timespec, write_timespec
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of


async def clock(which: int) -> int:
    assert await time.clock_gettime(which, SCRATCH) == 0
    return await read_timespec(SCRATCH)


def test_clocks(caller: Caller) -> None:
    caller.me.user_ns = 5_000

    async def body() -> None:
        assert abs(await clock(CLOCK_REALTIME) - host_time.time_ns()) < 2 * 10**9
        before = now_ns()
        assert before <= await clock(CLOCK_MONOTONIC) <= now_ns()
        assert await clock(CLOCK_PROCESS_CPUTIME_ID) == 5_000
        assert await clock(CLOCK_THREAD_CPUTIME_ID) == 0
        assert await error_of(time.clock_gettime(99, SCRATCH)) == "EINVAL"
        assert await error_of(time.clock_getres(99, 0)) == "EINVAL"
        await time.clock_getres(CLOCK_MONOTONIC, SCRATCH)
        assert await read_timespec(SCRATCH) == 1
        assert await time.time(SCRATCH) == await get_u64(SCRATCH)
        await time.gettimeofday(SCRATCH, SCRATCH + 16)
        seconds, micros = struct.unpack("<qq", await copy_from_user(SCRATCH, 16))
        assert abs(seconds - host_time.time()) < 2
        assert 0 <= micros < 10**6

    caller.run(body)


def test_times_count_ticks(caller: Caller) -> None:
    caller.me.user_ns, caller.me.children_system_ns = 25_000_000, 40_000_000

    async def body() -> None:
        assert abs(await time.times(SCRATCH) - now_ns() // 10_000_000) <= 1
        assert struct.unpack("<4q", await copy_from_user(SCRATCH, 32)) == (2, 0, 0, 4)

    caller.run(body)


def test_sleeps_that_are_over_or_none(caller: Caller) -> None:
    async def body() -> None:
        await write_timespec(SCRATCH, 1)
        assert await time.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, SCRATCH, 0) == 0
        refused = time.clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, SCRATCH, 0)
        assert await error_of(refused) == "EINVAL"
        await copy_to_user(SCRATCH, struct.pack("<qq", 0, 10**9))
        assert await error_of(time.nanosleep(SCRATCH, 0)) == "EINVAL"
        assert await error_of(time.nanosleep(64, 0)) == "EFAULT"

    caller.run(body)
