"""Local locks: a section of its own CPU, seen by the validator."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sync import preempt, ranks
from mpkernel.sync.local_lock import LocalLock
from tests.support.kernel import Kernel, kernel


def local_lock(k: Kernel) -> LocalLock:
    new = LocalLock.at(k.scratch(LocalLock.SIZE))
    new.init(ranks.unranked("local"))
    return new


def test_the_section_turns_preemption_off_and_if_asked_interrupts():
    with kernel() as k:
        lock = local_lock(k)
        with lock:
            lock.assert_held()
            assert cpu().area.preempt_count == 1
            assert interrupts.enabled()
        with lock.irqsave():
            assert lock.is_held()
            assert not interrupts.enabled()
        assert interrupts.enabled()
        preempt.might_sleep()
        assert not lock.is_held()


def test_who_is_not_in_it_and_who_meets_another_panics():
    with kernel(cpus=2) as k:
        for one in k.cpus:
            one.lockdep = None
        lock = local_lock(k)
        with pytest.raises(KernelPanic, match="not in the section"):
            lock.release()
        with pytest.raises(KernelPanic, match="before init"):
            LocalLock.at(k.scratch(8)).acquire()
        lock.acquire()
        with pytest.raises(KernelPanic, match="meets CPU 0"):
            lock.acquire()  # a handler that interrupts the section
        k.use(1)
        with pytest.raises(KernelPanic, match="CPU 1 meets CPU 0"):
            lock.acquire()
        with pytest.raises(KernelPanic, match="ValueError with the local lock held"):  # noqa: SIM117
            with local_lock(k):
                raise ValueError
