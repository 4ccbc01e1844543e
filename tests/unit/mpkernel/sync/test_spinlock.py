"""Spinlocks: exclusion, order, and what an exception does."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import interrupts, ipi, memory
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_code import WAITERS
from mpkernel.panic import KernelPanic
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import report
from mpkernel.sync.spinlock import Spinlock
from tests.support import lockdep
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import Kernel, kernel

pytestmark = pytest.mark.feature("E2")


@pytest.fixture
def k():
    with kernel(cpus=2) as one:
        yield one


def lock(k: Kernel, lock_class: ranks.LockClass) -> Spinlock:
    new = Spinlock.at(k.scratch(Spinlock.SIZE))
    new.init(lock_class)
    return new


def test_held_lock_disables_preemption_and_has_an_owner(k: Kernel):
    one = lock(k, ranks.FRAMES)
    with one:
        assert one.is_held()
        assert cpu().area.preempt_count == 1
        with lockdep.expected() as found, pytest.raises(AssertionError, match="preemption off"):
            preempt.might_sleep()
        assert found.kinds == [report.SLEEP]
        k.use(1)
        assert not one.is_held()
        assert not one.try_acquire()
        k.use(0)
    assert cpu().area.preempt_count == 0
    assert one.try_acquire()
    one.release()


def test_irqsave_restores_what_it_found(k: Kernel):
    one = lock(k, ranks.FRAMES)
    with one.irqsave():
        assert not interrupts.enabled()
    assert interrupts.enabled()
    interrupts.disable()
    with one.irqsave():
        pass
    assert not interrupts.enabled()


@pytest.mark.feature("E10")
def test_release_by_another_cpu_panics(k: Kernel):
    one = lock(k, ranks.FRAMES)
    one.acquire()
    k.use(1)
    with lockdep.expected() as found, pytest.raises(KernelPanic, match="does not hold"):
        one.release()
    assert found.kinds == [report.NOT_HELD]


def test_order_is_checked(k: Kernel):
    low, high = lock(k, ranks.SLAB), lock(k, ranks.RUN_QUEUE)
    with low, high:
        pass
    with lockdep.expected() as found, high, low:
        pass
    assert report.RANK in found.kinds


def test_same_class_only_when_nested(k: Kernel):
    one, two = lock(k, ranks.RUN_QUEUE), lock(k, ranks.RUN_QUEUE)
    with one:
        two.acquire(nested=True)
        two.release()
        with lockdep.expected() as found, two:
            pass
    assert found.kinds == [report.RECURSION]


def test_use_before_init_panics(k: Kernel):
    with pytest.raises(KernelPanic, match="before init"):
        Spinlock.at(k.scratch(16)).acquire()


def test_an_exception_is_no_unlock(k: Kernel):
    one = lock(k, ranks.FRAMES)
    with pytest.raises(SysError), one:
        raise SysError(Errno.ENOMEM)
    assert not one.is_held()
    with pytest.raises(KernelPanic, match="ValueError with the frames lock held"), one:
        raise ValueError
    assert one.is_held()


def test_levels_of_a_class_and_locks_under_a_lock_are_no_recursion(k: Kernel):
    top, one, two = (lock(k, ranks.unranked(name)) for name in ("top", "leaf", "leaf"))
    with one:
        two.acquire(subclass=1)
        two.release()
    with top, one:
        two.acquire(nest_lock=top.phys)
        two.release()
    with lockdep.expected() as found, one:
        two.acquire(nest_lock=top.phys)
        two.release()
    assert report.NEST in found.kinds
    deeper = Spinlock.at(k.scratch(Spinlock.SIZE))
    deeper.init(ranks.unranked("leaf"), 2)
    with one, deeper:
        assert deeper.name == "leaf"


def test_a_lock_that_sleepers_left_flagged_is_taken_and_given_as_any(k: Kernel):
    """WAITERS may be set with nobody there any more."""
    one = lock(k, ranks.FRAMES)
    one.cell.word.or_(WAITERS)
    assert one.try_acquire()
    assert one.is_held()
    one.release()
    assert one.cell.word.value == 0
    one.cell.word.or_(WAITERS)
    with one:
        pass
    assert cpu().area.preempt_count == 0


@pytest.mark.feature("E2", "FIX-1")
def test_handlers_that_take_the_lock_of_what_they_interrupt_do_not_hang():
    """Four cores take a lock with interrupts off, and send each other IPIs that take it."""
    with core_processes(4) as k:
        one = lock(k, ranks.FRAMES)
        words = memory.words(k.scratch(32), 4)

        def handler(_vector: int) -> None:
            with one.irqsave():
                words[1] += 1
            apic = cpu().apic
            assert apic is not None
            apic.eoi()

        def work(index: int) -> None:
            cpu().interrupt_handler = handler
            for turn in range(500):
                with one.irqsave():
                    assert not interrupts.enabled()
                    words[0] += 1
                if not turn % 4:
                    ipi.send_reschedule((index + turn) % 4)

        run_cpus(k, work)
        assert words[0] == 2000
        assert words[1] > 0
        assert one.cell.word.value in (0, WAITERS)
