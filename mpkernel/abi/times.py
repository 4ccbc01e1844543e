"""Structures of time and resources that calls pass by pointer.

Spec: Linux x86-64, uapi/linux/{time,resource,utsname,sysinfo,times}.h. State: none. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, i64, layout, u16, u32, u64

NS_PER_S: Final = 1_000_000_000

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_PROCESS_CPUTIME_ID: Final = 2
CLOCK_THREAD_CPUTIME_ID: Final = 3
CLOCK_MONOTONIC_RAW: Final = 4
CLOCK_REALTIME_COARSE: Final = 5
CLOCK_MONOTONIC_COARSE: Final = 6
CLOCK_BOOTTIME: Final = 7
TIMER_ABSTIME: Final = 1

RUSAGE_SELF: Final = 0
RUSAGE_CHILDREN: Final = -1
RUSAGE_THREAD: Final = 1

RLIMIT_STACK: Final = 3
RLIMIT_CORE: Final = 4
RLIMIT_NOFILE: Final = 7
RLIMIT_COUNT: Final = 16
RLIM_INFINITY: Final = (1 << 64) - 1


@layout(size=16)
class TimeSpec(Layout):
    """struct timespec."""

    tv_sec: i64
    tv_nsec: i64


@layout(size=16)
class TimeVal(Layout):
    """struct timeval."""

    tv_sec: i64
    tv_usec: i64


@layout(size=144)
class ResourceUsage(Layout):
    """struct rusage: the times; this kernel counts nothing else."""

    ru_utime: TimeVal
    ru_stime: TimeVal
    counts: Annotated[Any, ctypes.c_uint64 * 14]


@layout(size=16)
class ResourceLimit(Layout):
    """struct rlimit64."""

    rlim_cur: u64
    rlim_max: u64


@layout(size=32)
class ProcessTimes(Layout):
    """struct tms, in clock ticks."""

    tms_utime: u64
    tms_stime: u64
    tms_cutime: u64
    tms_cstime: u64


@layout(size=112)
class SystemInfo(Layout):
    """struct sysinfo."""

    uptime: u64
    loads: Annotated[Any, ctypes.c_uint64 * 3]
    totalram: u64
    freeram: u64
    sharedram: u64
    bufferram: u64
    totalswap: u64
    freeswap: u64
    procs: u16
    pad: u16
    reserved_0x054: u32
    totalhigh: u64
    freehigh: u64
    mem_unit: u32
    reserved_0x06c: u32


#: Bytes of a field of struct utsname, and their order.
UTS_FIELD: Final = 65
