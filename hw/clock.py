"""One virtual time: the TSC, which starts at 0 with the machine, and nanoseconds derived from it.

The TSC is the host's, less its value at the start, so that native code reads it with one
instruction: ``rdtsc - CLOCK.tsc_offset``. Its frequency is measured against CLOCK_MONOTONIC
between the import of this module and the start of the machine, and told to the kernel.

State: board memory (CLOCK), constant after ``start``.
Locks: none. Context: any.
"""

import ctypes
import hashlib
import time
from typing import Annotated, Final

from hw import native, ram
from hw.spec.layout import Layout, fixed, layout, u64
from hw.spec.watch import PLACE, TAKING_TURNS

NS_PER_SECOND: Final = 1_000_000_000
#: A deadline that never comes.
NEVER: Final = (1 << 64) - 1
_MASK: Final = (1 << 64) - 1
#: The date at which a machine with virtual time starts.
SEEDED_WALL_CLOCK_NS: Final = 1_000_000_000 * NS_PER_SECOND
#: Shortest time between the two readings that give the frequency.
_CALIBRATION_NS: Final = 5_000_000

_IR: Final = """
declare i64 @llvm.readcyclecounter()
define i64 @clock_host_tsc() {
  %t = call i64 @llvm.readcyclecounter()
  ret i64 %t
}
"""
_AT: Final = native.load(hashlib.sha256(_IR.encode()).hexdigest(), ["clock_host_tsc"], lambda: _IR)
#: The host's own TSC.
host_tsc: Final = native.function(_AT["clock_host_tsc"], ctypes.c_uint64)


@layout(size=24)
class ClockState(Layout):
    """How to turn the host's TSC into the machine's time."""

    tsc_offset: Annotated[u64, fixed]  #: host TSC when the machine's was 0
    tsc_hz: Annotated[u64, fixed]  #: counts a second
    wall_clock_ns: Annotated[u64, fixed]  #: nanoseconds since 1970 (UTC) when the TSC was 0


CLOCK: Final = ram.BOARD.place(ClockState)


def _reading() -> tuple[int, int]:
    """Return host TSC and monotonic nanoseconds of one moment: the tightest of nine readings."""
    best = (1 << 62, 0, 0)
    for _ in range(9):
        before = host_tsc()
        now = time.monotonic_ns()
        after = host_tsc()
        best = min(best, (after - before, (before + after) // 2, now))
    return best[1], best[2]


_FIRST: Final = _reading()


def start() -> None:
    """Measure the frequency and let time begin. Called once, before the fork."""
    if TAKING_TURNS:
        CLOCK.tsc_hz = NS_PER_SECOND
        CLOCK.wall_clock_ns = SEEDED_WALL_CLOCK_NS
        return
    elapsed = time.monotonic_ns() - _FIRST[1]
    if elapsed < _CALIBRATION_NS:
        time.sleep((_CALIBRATION_NS - elapsed) / NS_PER_SECOND)
    counts, nanoseconds = _reading()
    CLOCK.tsc_hz = (counts - _FIRST[0]) * NS_PER_SECOND // (nanoseconds - _FIRST[1])
    CLOCK.wall_clock_ns = time.time_ns()
    CLOCK.tsc_offset = host_tsc()


def tsc() -> int:
    """Return the machine's TSC now."""
    if TAKING_TURNS:
        return counts_of(PLACE.observer.now_ns())
    value: int = (host_tsc() - CLOCK.tsc_offset) & _MASK
    return value


def now_ns() -> int:
    """Return nanoseconds since the machine's start."""
    return ns_of(tsc())


def ns_of(counts: int) -> int:
    """Return the nanoseconds that so many TSC counts last."""
    return counts * NS_PER_SECOND // CLOCK.tsc_hz


def counts_of(nanoseconds: int) -> int:
    """Return the TSC counts of so many nanoseconds, rounded up."""
    return -(-nanoseconds * CLOCK.tsc_hz // NS_PER_SECOND)
