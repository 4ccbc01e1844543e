"""The board's own registers: power-off, debug console, the host's signals, the wall clock.

State: board memory (STATE). Locks: none; words by atomics.
Context: the accessing core; the launcher posts signals and takes the power-off.
"""

import os
from typing import Annotated, Final

from hw import clock, ram
from hw.atomics import AtomicU32
from hw.irq import doorbell, io_apic
from hw.irq.party import DEVICE_PARTY, LAUNCHER_PARTY
from hw.spec.board_registers import (
    DEBUG_CONSOLE,
    HOST_SIGNALS,
    HOST_SIGNALS_ENABLE,
    HOST_SIGNALS_LINE,
    POWER_OFF,
    WALL_CLOCK_NS,
)
from hw.spec.layout import Layout, atomic, layout, u32

_POWERED_OFF: Final = 1 << 8


@layout(size=20)
class BoardState(Layout):
    """What launcher, cores and device process tell each other about the whole machine."""

    power_off: AtomicU32  #: _POWERED_OFF | status, once somebody ended the machine
    drained: AtomicU32  #: 1 when the device process has written out all that was sent
    host_signals: AtomicU32  #: 1 << signal number
    signals_enabled: Annotated[u32, atomic]
    resized: AtomicU32  #: 1 when the terminal has another size


STATE: Final = ram.BOARD.place(BoardState)


def power_off(status: int) -> None:
    """End the machine with a status; the first who says so decides."""
    if STATE.power_off.cas(0, _POWERED_OFF | (status & 0xFF)) == 0:
        doorbell.ring(DEVICE_PARTY)
        doorbell.ring(LAUNCHER_PARTY)


def power_off_status() -> int | None:
    """Return the status the machine is to end with, None while it runs."""
    value = STATE.power_off.value
    return value & 0xFF if value else None


def post_signal(number: int) -> bool:
    """Hand a signal of the host to the kernel; False if it takes none."""
    if not STATE.signals_enabled:
        return False
    STATE.host_signals.or_(1 << number)
    io_apic.set_line(HOST_SIGNALS_LINE, 0, high=True)
    return True


def read(_core: int, offset: int, size: int) -> int:
    """Read a register."""
    if offset == HOST_SIGNALS:
        io_apic.set_line(HOST_SIGNALS_LINE, 0, high=False)
        return STATE.host_signals.xchg(0)
    if offset == HOST_SIGNALS_ENABLE:
        return STATE.signals_enabled
    if offset == WALL_CLOCK_NS:
        return (clock.CLOCK.wall_clock_ns + clock.now_ns()) & ((1 << 8 * size) - 1)
    return 0


def write(_core: int, offset: int, size: int, value: int) -> None:
    """Write a register. The debug console takes up to 8 bytes at once, lowest first."""
    if offset == POWER_OFF:
        power_off(value)
    elif offset == DEBUG_CONSOLE:
        debug_write(value.to_bytes(8, "little")[:size])
    elif offset == HOST_SIGNALS_ENABLE:
        STATE.signals_enabled = value & 1


def debug_write(data: bytes) -> None:
    """Write bytes to the host's standard error, whole, as far as the host takes them."""
    while data:
        try:
            data = data[os.write(2, data) :]
        except OSError:
            return
