"""The trace: rings that keep the newest events, and one text of all of them by time."""

import os

import pytest

from hw import trace
from hw.irq.party import DEVICE_PARTY, PARTIES

pytestmark = pytest.mark.usefixtures("board")


def test_events_come_back_in_order_and_merge_by_time():
    trace.record(0, trace.TRAP, 0x1000, 4)
    trace.record(DEVICE_PARTY, trace.DEVICE_REQUEST, 8, 4096)
    trace.record(0, trace.TASK_RUNS, 7, 0x40)
    assert [(e.kind, e.first, e.second) for e in trace.records(0)] == [
        (trace.TRAP, 0x1000, 4),
        (trace.TASK_RUNS, 7, 0x40),
    ]
    lines = trace.lines()
    assert [line.split("] ")[1].split()[0] for line in lines] == ["core", "device", "core"]
    assert "page fault at 0x1000, error code 0x4" in lines[0]
    assert "4096 bytes from sector 8" in lines[1]


def test_a_full_ring_keeps_the_newest():
    for number in range(trace.RECORDS + 10):
        trace.record(1, trace.SYSTEM_CALL, number)
    kept = [event.first for event in trace.records(1)]
    assert kept == list(range(10, trace.RECORDS + 10))


def test_a_process_finds_its_own_ring():
    PARTIES[2].pid = os.getpid()
    trace.record_here(trace.INTERRUPT_TAKEN, 0x41)
    assert [event.first for event in trace.records(2)] == [0x41]
    PARTIES[2].pid = 0
    trace.record_here(trace.INTERRUPT_TAKEN, 0x42)
    assert len(list(trace.records(2))) == 1


def test_a_line_begins_with_its_station():
    for kind in trace.TEXTS:
        trace.record(3, kind, 1, 2)
    lines = trace.lines()
    assert len(lines) == len(trace.TEXTS)
    for line, (station, _) in zip(lines, trace.TEXTS.values(), strict=True):
        assert station in line
