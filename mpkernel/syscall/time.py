"""System calls on time.

Spec: Linux man-pages, section 2. State: none of its own. Locks: none. Context: task; may sleep.
"""

from typing import Final

from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.abi.times import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_COARSE,
    CLOCK_THREAD_CPUTIME_ID,
    NS_PER_S,
    TIMER_ABSTIME,
    ProcessTimes,
    TimeVal,
)
from mpkernel.arch.power import wall_clock_ns
from mpkernel.mm.user_memory import copy_to_user, put_u64
from mpkernel.proc.process import current_process, times_of
from mpkernel.sched.task import current
from mpkernel.sched.timer import now_ns
from mpkernel.syscall.time_arguments import read_timespec, write_timespec

_WALL: Final = (CLOCK_REALTIME, CLOCK_REALTIME_COARSE)
_MONOTONIC: Final = (CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME)
_TICK_NS: Final = NS_PER_S // 100


def _clock_ns(clock: int) -> int:
    """What a clock says.

    Raises:
        SysError: EINVAL.
    """
    if clock in _MONOTONIC:
        return now_ns()
    if clock in _WALL:
        return wall_clock_ns()
    if clock == CLOCK_PROCESS_CPUTIME_ID:
        return sum(times_of(current_process()))
    if clock == CLOCK_THREAD_CPUTIME_ID:
        task = current()
        total: int = task.user_ns + task.system_ns
        return total
    raise SysError(Errno.EINVAL)


async def clock_gettime(clock: int, address: int) -> int:
    """Read a clock."""
    await write_timespec(address, _clock_ns(clock))
    return 0


async def clock_getres(clock: int, address: int) -> int:
    """How fine a clock is."""
    _clock_ns(clock)
    is_coarse = clock in (CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID)
    if address:
        await write_timespec(address, _TICK_NS if is_coarse else 1)
    return 0


async def gettimeofday(address: int, zone: int) -> int:
    """Wall time in microseconds; the zone is UTC."""
    if address:
        seconds, rest = divmod(wall_clock_ns(), NS_PER_S)
        await copy_to_user(address, bytes(TimeVal(seconds, rest // 1000)))
    if zone:
        await copy_to_user(zone, bytes(8))
    return 0


async def time(address: int) -> int:
    """Wall time in seconds."""
    seconds = wall_clock_ns() // NS_PER_S
    if address:
        await put_u64(address, seconds)
    return seconds


async def times(address: int) -> int:
    """CPU times of the process and its children, in clock ticks."""
    process = current_process()
    user, system = times_of(process)
    if address:
        ticks = ProcessTimes(
            user // _TICK_NS,
            system // _TICK_NS,
            process.children_user_ns // _TICK_NS,
            process.children_system_ns // _TICK_NS,
        )
        await copy_to_user(address, bytes(ticks))
    return now_ns() // _TICK_NS


async def _sleep_until(deadline_ns: int, remaining: int) -> int:
    """Sleep; a signal leaves the time that remains."""
    task = current()
    task.restart_deadline_ns = deadline_ns
    try:
        await current_process().pause_wait.wait_until(lambda: False, deadline_ns=deadline_ns)
    except Interrupted:
        if remaining:
            await write_timespec(remaining, max(deadline_ns - now_ns(), 0))
        raise
    return 0


async def nanosleep(wanted: int, remaining: int) -> int:
    """Sleep for a time."""
    return await _sleep_until(now_ns() + await read_timespec(wanted), remaining)


async def clock_nanosleep(clock: int, flags: int, wanted: int, remaining: int) -> int:
    """Sleep for a time, or until one, of a clock."""
    if clock not in _WALL and clock not in _MONOTONIC:
        raise SysError(Errno.EINVAL)
    time_ns = await read_timespec(wanted)
    if flags & TIMER_ABSTIME:
        return await _sleep_until(time_ns - _clock_ns(clock) + now_ns(), 0)
    return await _sleep_until(now_ns() + time_ns, remaining)


async def restart_syscall() -> int:
    """Go on with a sleep that a signal without handler cut short."""
    return await _sleep_until(current().restart_deadline_ns, 0)
