"""Sleeping CPUs: a ring ends a nap, whenever it comes; an interrupt does too, and is not lost."""

import time

import pytest

from hw import clock
from mpkernel.arch import halt, interrupts, ipi
from mpkernel.arch.cpu import cpu
from tests.support.kernel import kernel

#: In seconds; a ring that is lost sleeps until this.
LONG = 5.0


def test_a_deadline_ends_the_sleep_and_not_before():
    with kernel(1):
        end = clock.tsc() + clock.counts_of(30_000_000)
        began = time.monotonic()
        while clock.tsc() < end:
            halt.halt_until(end)
        assert 0.02 < time.monotonic() - began < LONG


@pytest.mark.parametrize("irqs_off", [False, True])
def test_a_ring_before_the_nap_is_not_lost(irqs_off: bool):
    with kernel(2) as k:
        flag = interrupts.save() if irqs_off else 0
        halt.forget_rings()
        k.use(1)
        halt.ring(0)
        k.use(0)
        began = time.monotonic()
        halt.nap()
        assert time.monotonic() - began < LONG
        if irqs_off:
            interrupts.restore(flag)


def test_an_interrupt_ends_a_nap_with_interrupts_off_and_is_taken_later():
    with kernel(2) as k:
        flag = interrupts.save()
        halt.forget_rings()
        k.use(1)
        ipi.send_reschedule(0)
        k.use(0)
        began = time.monotonic()
        halt.nap()
        assert time.monotonic() - began < LONG
        assert not cpu().area.need_resched
        interrupts.restore(flag)
        interrupts.ask_again()
        interrupts.safepoint()
        assert cpu().area.need_resched
