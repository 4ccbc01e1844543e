"""The board's registers: power, debug console, wall clock."""

import time

import pytest

from hw.bus import board_registers
from mpkernel.arch import power
from tests.support.kernel import kernel


def test_the_first_status_counts():
    with kernel():
        assert board_registers.power_off_status() is None
        power.power_off(0x146)
        power.power_off(1)
        assert board_registers.power_off_status() == 0x46


@pytest.mark.parametrize("data", [b"x", b"eight by", b"more than eight bytes\n"])
def test_the_debug_console_gets_every_byte_in_order(capfd, data):
    with kernel():
        power.debug_write(data)
    assert capfd.readouterr().err.encode() == data


def test_the_wall_clock_is_the_hosts():
    with kernel():
        assert abs(power.wall_clock_ns() - time.time_ns()) < 1_000_000_000
