"""Trace points: recorded by the CPU that runs, and only if asked for."""

from hw import trace
from mpkernel.trace import events
from tests.support.kernel import kernel


def test_events_are_recorded_only_when_on():
    with kernel(2) as k:
        k.use(1)
        events.record(events.SYSTEM_CALL, 1, 2)
        assert not list(trace.records(1))
        trace.CONTROL.enabled = 1
        events.record(events.SYSTEM_CALL, 39, 7)
        assert [(e.kind, e.first, e.second) for e in trace.records(1)] == [
            (events.SYSTEM_CALL, 39, 7)
        ]
        assert not list(trace.records(0))
        trace.CONTROL.enabled = 0
