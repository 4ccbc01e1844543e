"""What the validator of one CPU keeps: who holds what; and what is wrong about giving it back."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.cpu import cpu
from mpkernel.mm import slab
from mpkernel.sched.completion import Completion
from mpkernel.sched.mutex import Mutex
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import graph, records, report
from mpkernel.sync.lockdep.chains import all_chains
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.lockdep.modes import MUTEX, RWSEM, SHARED, SPIN, nested
from mpkernel.sync.spinlock import Spinlock
from tests.support import lockdep
from tests.support.kernel import Kernel, kernel
from tests.support.kernel_cpu import kernel_cpu

LOCK = 0x1000
OTHER = 0x2000
OBJECTS = slab.SlabCache("test_lockdep", 64)


@pytest.fixture
def k():
    with kernel() as one:
        yield one


def watching() -> Lockdep:
    watch = cpu().lockdep
    assert watch is not None
    return watch


def test_a_task_that_ends_with_a_lock_is_named(k: Kernel):
    watch = watching()
    watch.task_enter(1)
    watch.acquire(LOCK, ranks.INODE.id, MUTEX)
    with lockdep.expected() as found:
        watch.task_leave(1, "at its end")
    assert found.kinds == [report.LEFT_HELD]
    assert "inode (mutex) is held at its end" in found.reports[0].what


def test_idle_and_handlers_leave_nothing_held(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.SLAB.id, SPIN)
    with lockdep.expected() as found:
        watch.nothing_held("in idle")
        interrupts.disable()
        watch.irq_enter()
        watch.acquire(OTHER, ranks.LOG.id, SPIN)
        watch.irq_exit()
    assert found.kinds == [report.LEFT_HELD, report.LEFT_HELD]
    assert not watch.is_held(OTHER)


def test_out_of_order_where_the_class_forbids(k: Kernel):
    watch = watching()
    free, strict = ranks.LockClass(ranks.SLAB.id, "", 0, ""), ranks.RECLAIM
    watch.acquire(LOCK, free.id, SPIN)
    watch.acquire(OTHER, ranks.LOG.id, SPIN)
    watch.release(LOCK)
    watch.release(OTHER)
    assert strict.is_nested
    watch.acquire(LOCK, strict.id, SPIN)
    watch.acquire(OTHER, ranks.LOG.id, SPIN)
    with lockdep.expected() as found:
        watch.release(LOCK)
    watch.release(OTHER)
    assert found.kinds == [report.ORDER]


def test_what_stays_held_after_an_unlock_out_of_order_still_has_its_order(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.MOUNT.id, SPIN)
    watch.acquire(OTHER, ranks.SLAB.id, SPIN)
    watch.release(LOCK)
    with lockdep.expected() as found:
        watch.acquire(LOCK, ranks.MOUNT.id, SPIN)
    assert found.kinds == [report.RANK, report.CIRCULAR]


def test_pins(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.RUN_QUEUE.id, SPIN)
    watch.pin(LOCK)
    watch.unpin(LOCK)
    watch.pin(LOCK)
    with lockdep.expected() as found:
        watch.release(LOCK)
        watch.unpin(LOCK)
    assert found.kinds == [report.PINNED, report.NOT_PINNED]


def test_nested_under_a_lock_that_must_be_held(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.TREE.id, SPIN)
    for lock in (0x3000, 0x4000):
        watch.acquire(lock, ranks.NAMES.id, SPIN, nest_lock=LOCK)
    for lock in (0x4000, 0x3000, LOCK):
        watch.release(lock)
    with lockdep.expected() as found:
        watch.acquire(0x3000, ranks.NAMES.id, SPIN, nest_lock=LOCK)
    assert found.kinds == [report.NEST]


def test_a_downgraded_lock_is_shared(k: Kernel):
    watch = watching()
    watch.acquire(LOCK, ranks.TREE.id, RWSEM)
    watch.acquire(OTHER, ranks.NAMES.id, RWSEM)
    watch.downgrade(LOCK, RWSEM | SHARED)
    assert watch.is_held(LOCK)
    with lockdep.expected() as found:
        watch.acquire(LOCK, ranks.TREE.id + nested(1), RWSEM)
        watch.acquire(LOCK, ranks.INODE.id, RWSEM)
    assert "tree (rw-semaphore, shared)" in found.reports[0].held


def test_a_lock_that_is_held_is_not_initialized_again(k: Kernel):
    lock = Spinlock.at(k.scratch(Spinlock.SIZE))
    lock.init(ranks.SLAB)
    lock.acquire()
    with lockdep.expected() as found:
        lock.init(ranks.SLAB)
    assert found.kinds == [report.INIT_HELD]


def test_memory_with_a_held_lock_is_not_freed():
    with kernel_cpu():
        addr = OBJECTS.alloc()
        watching().acquire(addr + 16, ranks.INODE.id, MUTEX)
        with lockdep.expected() as found:
            OBJECTS.free(addr)
        watching().release(addr + 16)
        OBJECTS.free(OBJECTS.alloc())
    assert found.kinds == [report.FREE_HELD]


def test_who_waits_for_an_event_waits_for_what_the_waker_needs(k: Kernel):
    """In the order in which nothing happens: first the event, then the wait."""
    mutex, done = Mutex.at(k.scratch(Mutex.SIZE)), Completion.at(k.scratch(Completion.SIZE))
    mutex.init(ranks.INODE)
    done.init(ranks.REQUEST_DONE)

    async def bring() -> None:
        async with mutex:
            done.complete()

    async def wait() -> None:
        async with mutex:
            await done.wait()

    k.spawn(0, bring())
    k.run()
    k.spawn(0, wait())
    with lockdep.expected() as found:
        k.run()
    assert found.kinds == [report.CIRCULAR]
    assert sorted(found.reports[0].locks) == ["inode", "request_done, the event"]
    assert len(k.results) == 2


def test_a_chain_seen_before_needs_no_look_into_the_ledger(k: Kernel, monkeypatch):
    watch = watching()
    for _ in range(2):
        watch.acquire(LOCK, ranks.SLAB.id, SPIN)
        watch.acquire(OTHER, ranks.LOG.id, SPIN)
        watch.release(OTHER)
        watch.release(LOCK)
        monkeypatch.setattr("mpkernel.sync.lockdep.records.find", None)
        monkeypatch.setattr("mpkernel.sync.lockdep.records.put", None)


@pytest.mark.parametrize(
    ("classes", "chains"), [(9_000, 9_000), pytest.param(20_000, 100_000, marks=pytest.mark.long)]
)
def test_no_table_is_full_before_memory_is(k: Kernel, classes: int, chains: int):
    """Half of the classes are taken over the other half; then one pair the other way round."""
    watch = watching()
    keys = [ranks.unranked(f"class {number}").id for number in range(classes)]
    outer, inner = keys[: classes // 2], keys[classes // 2 :]
    for number in range(chains):
        first = outer[number % len(outer)]
        second = inner[(number + number // len(outer)) % len(inner)]
        watch.acquire(LOCK, first, SPIN)
        watch.acquire(OTHER, second, SPIN)
        watch.release(OTHER)
        watch.release(LOCK)
    with lockdep.expected() as found:
        watch.acquire(OTHER, second, SPIN)
        watch.acquire(LOCK, first, SPIN)
    watch.release(LOCK)
    watch.release(OTHER)
    assert found.kinds == [report.CIRCULAR]
    assert sum(1 for _ in graph.classes()) == classes
    assert sum(1 for _ in all_chains()) >= chains
    assert not records.NOTES.is_full


def test_without_room_for_notes_the_machine_goes_on_and_says_so_once(k: Kernel):
    watch = watching()
    records.NOTES.allocate(records.NOTES.size)
    with lockdep.expected() as found:
        for _ in range(2):
            watch.acquire(LOCK, ranks.SLAB.id, SPIN)
            watch.acquire(OTHER, ranks.LOG.id, SPIN)
            watch.release(OTHER)
            watch.release(LOCK)
    assert found.kinds == [report.FULL]
    assert not watch.is_held(LOCK)
