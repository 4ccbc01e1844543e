"""The interrupt flag: nothing is taken while it is off, and what waits is taken once it is on."""

from mpkernel.arch import interrupts, ipi
from mpkernel.arch.cpu import cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import modes
from tests.support.kernel import kernel


def test_interrupts_wait_until_the_outermost_restore():
    with kernel(2) as k:
        k.use(1)
        outer = interrupts.save()
        inner = interrupts.save()
        k.use(0)
        ipi.send_reschedule(1)
        k.use(1)
        area = cpu().area
        interrupts.safepoint()
        interrupts.restore(inner)
        assert not interrupts.enabled()
        assert not area.need_resched
        interrupts.restore(outer)
        assert interrupts.enabled()
        assert (area.need_resched, area.interrupts, area.irq_depth) == (1, 1, 0)


def test_a_handlers_locks_begin_anew():
    with kernel() as k:
        watch = k.cpus[0].lockdep
        assert watch is not None
        watch.acquire(0x1000, ranks.LOG.id, modes.SPIN)
        seen = []

        def handle(_vector: int) -> None:
            seen.append((watch.is_held(0x1000), cpu().area.irqs_off, cpu().area.irq_depth))
            assert cpu().apic is not None
            cpu().apic.eoi()

        k.cpus[0].interrupt_handler = handle
        ipi.send_reschedule(0)
        interrupts.safepoint()
        assert seen == [(False, 1, 1)]
        assert watch.is_held(0x1000)
        watch.release(0x1000)
