"""Circles of waits, read out of the records and words of real locks."""

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.waits_for import CALL, MUTEX, RWLOCK, RWSEM, SHOOTDOWN, SPIN, Asleep
from mpkernel.sched import waits_graph
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.sleeping_lock import QUEUED
from mpkernel.sched.task import TASK_BLOCKED, TASK_READY
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.waits_graph import Node
from mpkernel.sched.wakeup import notice_signal
from mpkernel.sync import ranks
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.spinlock import Spinlock
from tests.support.kernel import Kernel, kernel


@pytest.fixture
def k():
    with kernel(cpus=4) as one:
        yield one
        for cpu in one.cpus:
            one.use(cpu.index)
            while waits_for.WAITS[cpu.index].depth:
                waits_for.end()
        one.use(0)


def cpu(index: int) -> Node:
    return Node(is_task=False, number=index)


def spinlocks(k: Kernel, count: int) -> list[Spinlock]:
    """One held by each CPU."""
    made = []
    for index in range(count):
        k.use(index)
        lock = Spinlock.at(k.scratch(Spinlock.SIZE))
        lock.init(ranks.FRAMES)
        lock.acquire()
        made.append(lock)
    return made


def release(k: Kernel, locks: list[Spinlock]) -> None:
    for index, lock in enumerate(locks):
        k.use(index)
        lock.release()


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_ring_of_cpus(k: Kernel, size: int):
    locks = spinlocks(k, size)
    for index in range(size):
        k.use(index)
        waits_for.begin(SPIN, locks[(index + 1) % size].phys)
        graph = waits_graph.read()
        assert bool(waits_graph.circles(graph)) == (index == size - 1)
    (circle,) = waits_graph.circles(graph)
    assert {one.who for one in circle} == {cpu(index) for index in range(size)}
    assert all(one.name == "frames" and one.held_ns > 0 for one in circle)
    assert waits_graph.is_same(circle, waits_graph.read())
    k.use(1)
    waits_for.end()
    waits_for.begin(SPIN, locks[2 % size].phys)
    assert not waits_graph.is_same(circle, waits_graph.read()), "another wait for the same lock"
    release(k, locks)


def test_a_lock_that_is_free_again_is_waited_for_by_nobodys_fault(k: Kernel):
    locks = spinlocks(k, 2)
    for index in (0, 1):
        k.use(index)
        waits_for.begin(SPIN, locks[1 - index].phys)
    (circle,) = waits_graph.circles(waits_graph.read())
    release(k, locks)
    graph = waits_graph.read()
    assert waits_graph.circles(graph) == []
    assert not waits_graph.is_same(circle, graph)
    assert graph[cpu(0)].owners == ()


def test_a_cpu_that_just_took_the_lock_does_not_wait_for_itself(k: Kernel):
    """The host may stop it for as long as it likes before it notes that its wait is over."""
    (spinlock,) = spinlocks(k, 1)
    rwlock = Rwlock.at(k.scratch(Rwlock.SIZE))
    rwlock.init(ranks.LOG)
    rwlock.acquire_write()
    for kind, lock in ((SPIN, spinlock.phys), (RWLOCK, rwlock.phys)):
        waits_for.begin(kind, lock)
        graph = waits_graph.read()
        assert graph[cpu(0)].object == lock
        assert waits_graph.circles(graph) == []
        waits_for.end()
    rwlock.release_write()
    release(k, [spinlock])


@pytest.mark.parametrize("kind", [CALL, SHOOTDOWN])
@pytest.mark.parametrize("irqs_off", [0, 1])
def test_an_answer_is_owed_only_with_interrupts_off(k: Kernel, irqs_off: int, kind: int):
    locks = spinlocks(k, 1)
    waits_for.begin(kind, 0x1000, 1)
    k.use(1)
    waits_for.begin(SPIN, locks[0].phys)
    k.cpus[1].area.irqs_off = irqs_off
    assert len(waits_graph.circles(waits_graph.read())) == irqs_off
    k.cpus[1].area.irqs_off = 0
    release(k, locks)


def test_writers_of_read_write_locks_are_known(k: Kernel):
    lock = Rwlock.at(k.scratch(Rwlock.SIZE))
    lock.init(ranks.FRAMES)
    k.use(1)
    lock.acquire_write()
    k.use(0)
    waits_for.begin(RWLOCK, lock.phys)
    assert waits_graph.read()[cpu(0)].owners == (cpu(1),)
    waits_for.end()
    k.use(1)
    lock.release_write()


def test_readers_of_a_spinning_lock_are_in_its_writers_way(k: Kernel):
    (spinlock,) = spinlocks(k, 1)
    lock = Rwlock.at(k.scratch(Rwlock.SIZE))
    lock.init(ranks.SLAB)
    k.use(1)
    lock.acquire_read()
    k.use(2)
    lock.acquire_read()
    k.use(0)
    waits_for.begin(RWLOCK, lock.phys)
    assert waits_graph.read()[cpu(0)].owners == (), "readers get on: nobody waits for them for ever"
    k.use(1)
    waits_for.begin(SPIN, spinlock.phys)
    graph = waits_graph.read()
    assert graph[cpu(0)].owners == (cpu(1),)
    assert "which CPU 1 has for reading" in graph[cpu(0)].text()
    (circle,) = waits_graph.circles(graph)
    assert {one.who for one in circle} == {cpu(0), cpu(1)}
    k.use(2)
    waits_for.begin(SPIN, spinlock.phys)
    now = waits_graph.read()
    assert now[cpu(0)].owners == (cpu(1), cpu(2))
    assert waits_graph.is_same(circle, now), "one reader more changes nothing"
    assert len(waits_graph.circles(now)) == 2
    for index in (1, 2):
        k.use(index)
        waits_for.end()
        lock.release_read()
    assert not waits_graph.is_same(circle, waits_graph.read())
    release(k, [spinlock])


def test_readers_of_a_sleeping_lock_are_in_its_writers_way(k: Kernel):
    rwsem, mutex = Rwsem.at(k.scratch(Rwsem.SIZE)), Mutex.at(k.scratch(Mutex.SIZE))
    rwsem.init(ranks.PIPE)
    mutex.init(ranks.INODE)
    read, met = [], []

    async def one() -> None:
        await rwsem.acquire_read()
        read.append(1)
        while not mutex.owner.value:
            await give_up_cpu()
        with pytest.raises(Interrupted):
            await mutex.acquire(killable=True)
        rwsem.release_read()

    async def other() -> None:
        async with mutex, rwsem.write():
            met.append(1)

    k.cpus[0].lockdep = None  # it would say so beforehand
    task = k.spawn(0, one())
    k.turn(0)
    k.spawn(0, other())
    for _ in range(4):
        k.turn(0)
    (circle,) = waits_graph.circles(waits_graph.read())
    assert sorted((w.name, w.is_killable, w.is_read) for w in circle) == [
        ("inode", True, False),
        ("pipe", False, True),
    ]
    task.signal_pending = task.must_end = 1
    notice_signal(task)
    k.run()
    assert (read, met) == ([1], [1])


def test_tasks_that_sleep_for_each_other(k: Kernel):
    one, two = (k.new_task(name) for name in ("one", "two"))
    mutex = Mutex.at(k.scratch(Mutex.SIZE))
    rwsem = Rwsem.at(k.scratch(Rwsem.SIZE))
    mutex.init(ranks.INODE)
    rwsem.init(ranks.PIPE)
    mutex.owner.store(two.phys | QUEUED)
    rwsem.writer = one.phys
    one.state = two.state = TASK_BLOCKED
    with Asleep(MUTEX, mutex.phys, one.phys), Asleep(RWSEM, rwsem.phys, two.phys, is_killable=True):
        (circle,) = waits_graph.circles(waits_graph.read())
        assert [(str(w.who), w.name, w.is_killable) for w in circle] == [
            ("task 0 (one)", "inode", False),
            ("task 0 (two)", "pipe", True),
        ]
        assert "which task 0 (two) has" in circle[0].text()
    assert waits_graph.read() == {}


def test_who_is_awake_or_was_handed_the_lock_waits_for_nobody(k: Kernel):
    one, two = (k.new_task(name) for name in ("one", "two"))
    mutex = Mutex.at(k.scratch(Mutex.SIZE))
    mutex.init(ranks.INODE)
    one.state, two.state = TASK_BLOCKED, TASK_READY
    mutex.owner.store(one.phys | QUEUED)
    with Asleep(MUTEX, mutex.phys, one.phys), Asleep(MUTEX, mutex.phys, two.phys):
        graph = waits_graph.read()
        assert [(node.number, wait.owners) for node, wait in graph.items()] == [(one.phys, ())]
        assert waits_graph.circles(graph) == []


def test_what_is_no_address_has_no_owner(k: Kernel):
    waits_for.begin(SPIN, 1 << 60)
    task = k.new_task()
    task.state = TASK_BLOCKED
    with Asleep(MUTEX, 1 << 60, 1 << 60), Asleep(MUTEX, 1 << 60, task.phys):
        graph = waits_graph.read()
    assert len(graph) == 2
    assert all(one.owners == () for one in graph.values())
    waits_for.end()
