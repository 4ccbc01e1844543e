"""Preemption off and on: a count, so that sections nest.

Kernel code is never switched away but at an await and at the border to user mode; the count says
where even these are forbidden.

State: CpuArea.preempt_count. Locks: none. Context: any.
"""

from mpkernel.arch.cpu import cpu


def disable() -> None:
    """No switch of tasks on this CPU until ``enable``."""
    cpu().area.preempt_count += 1


def enable() -> None:
    """End of a section begun by ``disable``."""
    area = cpu().area
    assert area.preempt_count, "preemption enabled more often than disabled"
    area.preempt_count -= 1


def assert_irqs_off() -> None:
    """Assert that no interrupt can come here."""
    assert cpu().area.irqs_off, "interrupts are on where they must be off"


def assert_preempt_off() -> None:
    """Assert that the task stays on this CPU: preemption or interrupts are off."""
    area = cpu().area
    assert area.preempt_count or area.irqs_off, "preemption is on where it must be off"


def might_sleep() -> None:
    """Assert that the caller may sleep here: no spinlock, no interrupt handler."""
    this = cpu()
    area = this.area
    if this.lockdep is not None:
        this.lockdep.might_sleep()
    assert not area.irq_depth, "may sleep, in an interrupt handler"
    assert not area.irqs_off, "may sleep, with interrupts off"
    assert not area.preempt_count, "may sleep, with preemption off"
