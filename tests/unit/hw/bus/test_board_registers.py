"""Power-off, debug console, host signals, wall clock."""

import signal
import time

import pytest

from hw.bus import board_registers, mmio
from hw.irq import io_apic
from hw.spec.board_registers import (
    DEBUG_CONSOLE,
    HOST_SIGNALS,
    HOST_SIGNALS_ENABLE,
    HOST_SIGNALS_LINE,
    POWER_OFF,
    WALL_CLOCK_NS,
)
from hw.spec.memory_map import BOARD_REGISTERS_BASE as BASE

pytestmark = pytest.mark.usefixtures("board")


def test_first_power_off_decides():
    assert board_registers.power_off_status() is None
    mmio.write(0, BASE + POWER_OFF, 4, 0x103)
    mmio.write(1, BASE + POWER_OFF, 4, 9)
    assert board_registers.power_off_status() == 3


def test_power_off_with_status_0_is_one():
    mmio.write(0, BASE + POWER_OFF, 4, 0)
    assert board_registers.power_off_status() == 0


def test_debug_console_writes_as_many_bytes_as_the_access_has(capfd: pytest.CaptureFixture[str]):
    mmio.write(0, BASE + DEBUG_CONSOLE, 1, ord("a"))
    mmio.write(0, BASE + DEBUG_CONSOLE, 8, int.from_bytes(b"bcdefgh\n", "little"))
    assert capfd.readouterr().err == "abcdefgh\n"


def test_host_signals_reach_a_kernel_that_takes_them():
    assert not board_registers.post_signal(signal.SIGINT)
    mmio.write(0, BASE + HOST_SIGNALS_ENABLE, 4, 1)
    assert board_registers.post_signal(signal.SIGINT)
    assert board_registers.post_signal(signal.SIGTERM)
    assert io_apic.LINES[HOST_SIGNALS_LINE].sources
    assert mmio.read(0, BASE + HOST_SIGNALS, 4) == 1 << signal.SIGINT | 1 << signal.SIGTERM
    assert not io_apic.LINES[HOST_SIGNALS_LINE].sources
    assert mmio.read(0, BASE + HOST_SIGNALS, 4) == 0


def test_wall_clock_is_the_hosts():
    assert abs(mmio.read(0, BASE + WALL_CLOCK_NS, 8) - time.time_ns()) < 50_000_000
