"""Spinlocks: exclusion, order, and what an exception does."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import report
from mpkernel.sync.spinlock import Spinlock
from tests.support import lockdep
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
