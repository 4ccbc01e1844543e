"""Preemption counts nest and do not go below zero."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.sync import preempt
from mpkernel.sync.lockdep import report
from tests.support import lockdep
from tests.support.kernel import kernel


def test_sections_nest():
    with kernel():
        preempt.disable()
        preempt.disable()
        preempt.enable()
        with lockdep.expected() as found, pytest.raises(AssertionError):
            preempt.might_sleep()
        assert found.kinds == [report.SLEEP]
        preempt.enable()
        preempt.might_sleep()
        with pytest.raises(AssertionError):
            preempt.enable()


@pytest.mark.feature("E6")
def test_interrupts_off_and_handlers_forbid_sleep():
    with kernel():
        interrupts.disable()
        with lockdep.expected(), pytest.raises(AssertionError, match="interrupts off"):
            preempt.might_sleep()
        interrupts.enable()
        cpu().area.irq_depth = 1
        with lockdep.expected(), pytest.raises(AssertionError, match="handler"):
            preempt.might_sleep()


def test_what_must_be_off_is_asserted():
    with kernel():
        for wrong in (preempt.assert_irqs_off, preempt.assert_preempt_off):
            with pytest.raises(AssertionError, match="must be off"):
                wrong()
        preempt.disable()
        preempt.assert_preempt_off()
        with pytest.raises(AssertionError, match="interrupts are on"):
            preempt.assert_irqs_off()
        preempt.enable()
        interrupts.disable()
        preempt.assert_irqs_off()
        preempt.assert_preempt_off()
        interrupts.enable()
