"""Idle: no halt with work at hand, and one idle CPU is woken for what is queued elsewhere."""

import pytest

from mpkernel.arch import halt, interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.arch.ipi import COUNTS
from mpkernel.sched import timer
from mpkernel.sched.idle import IDLE, idle, wake_idle_cpu
from mpkernel.sched.wakeup import start
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("F4")


@pytest.mark.parametrize("why", ["queued", "kicked", "nothing"])
def test_halts_only_with_nothing_to_do(monkeypatch, why):
    halts: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        halt, "halt_until", lambda _: halts.append((IDLE.cpus.value, interrupts.enabled()))
    )
    with kernel() as k:
        if why == "queued":
            start(k.new_task(), 0)
        cpu().area.need_resched = 1 if why == "kicked" else 0
        idle()
        assert halts == ([(1, False)] if why == "nothing" else [])
        assert IDLE.cpus.value == 0
        assert not cpu().area.need_resched
        assert interrupts.enabled()
        assert timer.QUEUES.of(0).tick_ns == timer.NEVER


def test_the_halt_ends_at_the_first_timer():
    with kernel() as k:
        deadline = timer.now_ns() + 3_000_000
        timer.arm(k.new_task(), deadline)
        while timer.QUEUES.of(0).timers.first(timer.Timer, "node") is not None:
            idle()
        assert timer.now_ns() >= deadline


def test_one_of_the_idle_and_allowed_is_woken():
    with kernel(4):
        IDLE.cpus.or_(0b1110)
        wake_idle_cpu(0b1100)
        assert IDLE.cpus.value == 0b1010
        assert COUNTS.of(0).sent[0] == 1
        wake_idle_cpu(0b0100)  # no longer idle
        assert COUNTS.of(0).sent[0] == 1
