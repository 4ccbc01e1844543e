"""The kernel's log: lines in a ring in RAM, those that matter also on the debug console.

    [    0.012345] cpu 3: text

Works from the first instruction of boot and in interrupts. A panic prints past the lock.

State: RAM. Locks: LogRing.lock, the highest rank. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, atomic, guarded_by, layout, u32, u64
from mpkernel.arch import memory, power
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import now_ns
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

ERROR: Final = 0
WARNING: Final = 1
INFO: Final = 2
DEBUG: Final = 3
LEVELS: Final = ("error", "warning", "info", "debug")

RING_BYTES: Final = 1 << 16


@layout()
class LogRing(Layout):
    """All messages, the oldest overwritten; ``end`` counts every byte ever written."""

    lock: Spinlock
    end: Annotated[u64, guarded_by("lock")]
    console_level: Annotated[u32, atomic]  #: messages up to this level go to the debug console
    text: Annotated[Any, ctypes.c_uint8 * RING_BYTES, guarded_by("lock")]


RING: Final = memory.static(LogRing)


def init(console_level: int) -> None:
    """Make the ring ready. First thing at boot."""
    RING.lock.init(ranks.LOG)
    RING.console_level = console_level


def error(text: str) -> None:
    """Something is lost."""
    _log(ERROR, text)


def warning(text: str) -> None:
    """Something is not as it should be; a user's program died."""
    _log(WARNING, text)


def info(text: str) -> None:
    """A step of boot or of a device."""
    _log(INFO, text)


def debug(text: str) -> None:
    """For those who look for a fault."""
    _log(DEBUG, text)


def error_at_once(text: str) -> None:
    """As ``error``, where the log's lock may be held: then only the console gets the text."""
    area = cpu().area
    data = _line(text)
    flag, area.irqs_off = area.irqs_off, 1
    if RING.lock.cell.key and RING.lock.try_acquire():
        _append(data[:RING_BYTES])
        RING.lock.release()
    area.irqs_off = flag  # and no safepoint: the caller is in the midst of something
    power.debug_write(data)


def _line(text: str) -> bytes:
    seconds, ns = divmod(now_ns(), 1_000_000_000)
    line = f"[{seconds:5d}.{ns // 1000:06d}] cpu {cpu().index}: {text}\n"
    return line.encode("utf-8", "backslashreplace")


def _log(level: int, text: str) -> None:
    data = _line(text)
    with RING.lock.irqsave():
        _append(data[:RING_BYTES])
    if level <= RING.console_level:
        power.debug_write(data)


def _append(data: bytes) -> None:
    at = RING.end % RING_BYTES
    first = data[: RING_BYTES - at]
    base = ctypes.addressof(RING.text)
    ctypes.memmove(base + at, first, len(first))
    ctypes.memmove(base, data[len(first) :], len(data) - len(first))
    RING.end += len(data)


def read_all() -> bytes:
    """What the ring holds, oldest first."""
    with RING.lock.irqsave():
        data = bytes(RING.text)
        end = RING.end
    if end <= RING_BYTES:
        return data[:end]
    at = end % RING_BYTES
    return data[at:] + data[:at]
