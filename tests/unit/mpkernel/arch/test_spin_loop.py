"""A turn of a spin loop: interrupts come in, and the host CPU is given away after a while."""

import os

import pytest

from mpkernel.arch import interrupts, ipi
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import SPINS_BEFORE_YIELD, relax
from tests.support.kernel import kernel


def test_an_interrupt_comes_in_if_they_are_enabled():
    with kernel(2):
        flag = interrupts.save()
        ipi.send_reschedule(0)
        relax(0)
        assert not cpu().area.need_resched
        cpu().area.irqs_off = flag
        relax(0)
        assert (cpu().area.need_resched, cpu().area.interrupts) == (1, 1)


def test_the_host_cpu_is_given_away_after_a_while(monkeypatch: pytest.MonkeyPatch):
    turns: list[int] = []
    host_yield = os.sched_yield
    monkeypatch.setattr(os, "sched_yield", lambda: (turns.append(turn), host_yield()))
    with kernel():
        for turn in range(SPINS_BEFORE_YIELD + 2):
            relax(turn)
    assert turns == [SPINS_BEFORE_YIELD, SPINS_BEFORE_YIELD + 1]
