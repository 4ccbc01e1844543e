"""Who holds what, over interrupts and sleeps."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.lockdep.modes import MUTEX, SPIN
from tests.support import lockdep
from tests.support.kernel import Kernel, kernel

LOCK = 0x1000
OTHER = 0x2000


@pytest.fixture
def k():
    with kernel() as one:
        yield one


def watching() -> Lockdep:
    watch = cpu().lockdep
    assert watch is not None
    return watch


def test_a_sleeping_task_takes_its_locks_along(k: Kernel):
    watch = watching()
    watch.task_enter(1)
    watch.acquire(LOCK, ranks.INODE.id, MUTEX)
    watch.task_leave(1)
    watch.task_enter(2)
    assert not watch.is_held(LOCK)
    watch.task_leave(2)
    watch.task_enter(1)
    assert watch.is_held(LOCK)
    watch.release(LOCK)
    assert not watch.is_held(LOCK)


def test_handlers_nest_and_hold_only_what_they_took(k: Kernel):
    watch = watching()
    interrupts.disable()
    watch.acquire(LOCK, ranks.SLAB.id, SPIN)
    watch.deferred_enter()
    watch.acquire(OTHER, ranks.TIMER.id, SPIN)
    watch.irq_enter()
    assert watch.held_names() == []
    watch.irq_exit()
    assert watch.held_names() == ["timer (spinlock)"]
    watch.release(OTHER)
    watch.deferred_exit()
    assert watch.held_names() == ["slab (spinlock)"]


def test_a_lock_of_a_task_asleep_is_known_to_be_held(k: Kernel):
    watch = watching()
    watch.task_enter(1)
    watch.acquire(LOCK, ranks.INODE.id, MUTEX)
    watch.task_leave(1)
    with lockdep.expected() as found:
        watch.freed(LOCK - 8, 64)
    assert found.kinds == [report.FREE_HELD]


def test_a_lock_that_is_waited_for_is_not_held_yet(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.SLAB.id, SPIN)
    watch.contended(LOCK)
    with lockdep.expected() as found:
        watch.nothing_held("here")
    assert found.reports[0].held == ["slab (spinlock), not yet"]
    watch.acquired(LOCK)


def test_a_wait_that_is_given_up_leaves_no_trace(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.INODE.id, MUTEX)
    watch.contended(LOCK)
    watch.release(LOCK)
    watch.acquire(LOCK, ranks.INODE.id, MUTEX)
    assert watch.held_names() == ["inode (mutex)"]
    watch.release(LOCK)


def test_what_is_abandoned_is_not_held(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.SLAB.id, SPIN)
    watch.irq_enter()
    watch.abandon()
    assert not watch.is_held(LOCK)
    watch.acquire(LOCK, ranks.SLAB.id, SPIN)
    watch.release(LOCK)
