"""One virtual time, against the host's monotonic clock."""

import time

import pytest

from hw import clock

pytestmark = pytest.mark.usefixtures("board")


def test_time_begins_with_the_machine_and_runs_as_the_hosts():
    assert clock.now_ns() < 5_000_000_000
    before, ours = time.monotonic_ns(), clock.now_ns()
    time.sleep(0.2)
    after, ours_after = time.monotonic_ns(), clock.now_ns()
    assert abs((ours_after - ours) - (after - before)) < 2_000_000


def test_tsc_never_goes_back():
    readings = [clock.tsc() for _ in range(1000)]
    assert readings == sorted(readings)


def test_conversions_are_inverse():
    for nanoseconds in (0, 1, 999, 10**9, 10**15):
        assert abs(clock.ns_of(clock.counts_of(nanoseconds)) - nanoseconds) <= 1
