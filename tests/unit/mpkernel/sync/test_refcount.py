"""Reference counts: the last put is one, nothing rises from zero, nothing wraps."""

import pytest

from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sync import ranks
from mpkernel.sync.refcount import SATURATED, Refcount
from mpkernel.sync.spinlock import Spinlock
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import kernel


def test_last_put_says_so_and_none_rises_from_zero():
    with kernel() as k:
        count = Refcount.at(k.scratch(4))
        count.store(1)
        count.get()
        assert count.get_unless_zero()
        assert [count.put(), count.put(), count.put()] == [False, False, True]
        assert not count.get_unless_zero()
        with pytest.raises(KernelPanic, match="gone"):
            count.get()
        count.store(0)
        with pytest.raises(KernelPanic, match="twice"):
            count.put()
        count.store(0)
        with pytest.raises(KernelPanic, match="twice"):
            count.put_unless_last()


@pytest.mark.parametrize("take", [Refcount.get, Refcount.get_unless_zero])
def test_a_count_that_would_wrap_stays_for_ever(take):
    with kernel() as k:
        count = Refcount.at(k.scratch(4))
        count.store(SATURATED - 2)
        take(count)
        assert not count.is_saturated
        take(count)
        assert count.is_saturated
        for _ in range(5):
            take(count)
            assert not count.put()
            assert not count.put()
            assert count.put_unless_last()
        assert count.is_saturated


def test_put_and_lock_takes_the_lock_for_the_last_one_only():
    with kernel() as k:
        count, lock = Refcount.at(k.scratch(4)), Spinlock.at(k.scratch(Spinlock.SIZE))
        lock.init(ranks.FRAMES)
        count.store(2)
        assert not count.put_and_lock(lock)
        assert not lock.is_held()
        assert count.put_and_lock(lock)
        assert lock.is_held()
        lock.release()
        assert count.value == 0


def test_of_racing_puts_one_is_the_last():
    """Users come through a look-up without a reference; who drops the last frees, once."""
    with core_processes(4) as k:
        rounds = 500
        counts = [Refcount.at(k.scratch(4)) for _ in range(rounds)]
        freed = [AtomicU64.at(k.scratch(8)) for _ in range(rounds)]
        for count in counts:
            count.store(4)

        def work(_index: int) -> None:
            for count, gone in zip(counts, freed, strict=True):
                if count.get_unless_zero():
                    assert not gone.value, "a user found what is freed"
                    if count.put():
                        gone.add(1)
                if count.put():
                    gone.add(1)

        run_cpus(k, work)
        assert [gone.value for gone in freed] == [1] * rounds


def test_nobody_finds_an_object_between_its_last_put_and_its_removal():
    with core_processes(4) as k:
        count, lock = Refcount.at(k.scratch(4)), Spinlock.at(k.scratch(Spinlock.SIZE))
        lock.init(ranks.FRAMES)
        listed = memory.words(k.scratch(8), 1)

        def work(_index: int) -> None:
            for _ in range(800):
                with lock:
                    if not listed[0]:
                        count.store(1)
                        listed[0] = 1
                    else:
                        count.get()  # panics if the count is zero
                if count.put_and_lock(lock):
                    listed[0] = 0
                    lock.release()
            assert not cpu().area.preempt_count

        run_cpus(k, work)
        assert count.value == 0
        assert not listed[0]
