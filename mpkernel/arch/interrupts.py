"""The interrupt flag of this CPU, and the safepoints at which interrupts are taken.

Kernel code is interrupted only where it enables interrupts (``enable``, ``restore``), at each turn
of a spin loop, at an await, in idle, and on the way to user mode. So a handler can meet a lock that
its own CPU holds only where real kernels can meet it too: with interrupts enabled.

State: CpuArea.irqs_off; the local APIC. Locks: none; EOI takes none either. Context: any.
"""

from hw.ram import PENDING, PENDING_INTERRUPT
from hw.spec.watch import PLACE, TAKING_TURNS
from mpkernel.arch.cpu import cpu


def enabled() -> bool:
    """Whether interrupts are taken at safepoints."""
    return not cpu().area.irqs_off


def disable() -> None:
    """Interrupts wait from here on."""
    cpu().area.irqs_off = 1


def enable() -> None:
    """Interrupts are taken from here on, those that wait at once."""
    this = cpu()
    if this.lockdep is not None and this.area.irqs_off:
        this.lockdep.irqs_on()
    this.area.irqs_off = 0
    safepoint()


def save() -> int:
    """Disable interrupts; return the flag for ``restore``."""
    area = cpu().area
    flag: int = area.irqs_off
    area.irqs_off = 1
    return flag


def restore(flag: int) -> None:
    """Back to what ``save`` found; a safepoint if that was enabled."""
    if not flag:
        enable()


def safepoint() -> None:
    """Take the interrupts that wait, if they are enabled. May run any handler."""
    if TAKING_TURNS:
        PLACE.observer.safepoint()
    this = cpu()
    if not this.area.irqs_off and PENDING[this.index].bits.value & PENDING_INTERRUPT:
        take_pending()


def take_pending() -> None:
    """Run the handlers of all interrupts that this CPU's local APIC accepts now.

    Handlers run with interrupts off, to the end, in order of priority (AMD APM vol. 2, 16.6).
    """
    this = cpu()
    area = this.area
    apic, handler = this.apic, this.interrupt_handler
    if apic is None or handler is None:
        return
    while True:
        vector = apic.accept()
        if vector is None:
            if this.after_interrupts is not None:
                this.after_interrupts()
            return
        flag, locks = area.irqs_off, area.preempt_count
        area.irqs_off = 1
        area.irq_depth += 1
        area.interrupts += 1
        watch = this.lockdep
        if watch is not None:
            watch.irq_enter()
        handler(vector)
        if watch is not None:
            watch.irq_exit()
        assert area.preempt_count == locks, f"interrupt {vector} leaves with locks held"
        area.irq_depth -= 1
        area.irqs_off = flag


def ask_again() -> None:
    """Have ``take_pending`` called at this CPU's next safepoint, whatever comes until then."""
    PENDING[cpu().index].bits.or_(PENDING_INTERRUPT)
