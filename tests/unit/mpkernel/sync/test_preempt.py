"""Preemption counts nest and do not go below zero."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.sync import preempt
from tests.support.kernel import kernel


def test_sections_nest():
    with kernel():
        preempt.disable()
        preempt.disable()
        preempt.enable()
        with pytest.raises(AssertionError):
            preempt.might_sleep()
        preempt.enable()
        preempt.might_sleep()
        with pytest.raises(AssertionError):
            preempt.enable()


def test_interrupts_off_and_handlers_forbid_sleep():
    with kernel():
        interrupts.disable()
        with pytest.raises(AssertionError, match="interrupts off"):
            preempt.might_sleep()
        interrupts.enable()
        cpu().area.irq_depth = 1
        with pytest.raises(AssertionError, match="handler"):
            preempt.might_sleep()
