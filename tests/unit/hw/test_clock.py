"""One virtual time, against the host's monotonic clock."""

import time

import pytest

from hw import clock

pytestmark = pytest.mark.usefixtures("board")


@pytest.mark.feature("C4")
def test_time_begins_with_the_machine_and_runs_as_the_hosts():
    assert clock.now_ns() < 5_000_000_000
    (counts, began), _ = clock._reading(), time.sleep(0.2)
    counts_after, ended = clock._reading()
    assert abs(clock.ns_of(counts_after - counts) / (ended - began) - 1) < 0.01


def test_tsc_never_goes_back():
    readings = [clock.tsc() for _ in range(1000)]
    assert readings == sorted(readings)


def test_conversions_are_inverse():
    for nanoseconds in (0, 1, 999, 10**9, 10**15):
        assert abs(clock.ns_of(clock.counts_of(nanoseconds)) - nanoseconds) <= 1
