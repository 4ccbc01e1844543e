"""The watcher's verdicts on a machine in this process; real machines are in tests/system."""

from collections import defaultdict

import pytest

from mpkernel.arch import outside, waits_for
from mpkernel.arch.waits_for import MUTEX, SPIN, Asleep
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.task import TASK_BLOCKED
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.detector.finding import DEADLOCK, STUCK_SPIN, Finding
from mpkernel.tools.detector.limits import Limits
from mpkernel.tools.detector.watcher import STATUS_DEADLOCK, Watcher
from tests.support.kernel import Kernel, kernel

LIMITS = Limits(confirm_s=0, spin_s=0.005, progress_s=1000)


@pytest.fixture
def k(monkeypatch):
    with kernel(cpus=2) as one:
        monkeypatch.setattr(outside, "_PATIENCE_S", defaultdict(lambda: 0.001))
        yield one


@pytest.fixture
def found() -> list[Finding]:
    return []


def watcher(found: list[Finding], *, kills: bool = False) -> Watcher:
    return Watcher(kills=kills, limits=LIMITS, on_finding=found.append)


def hold_and_want(k: Kernel, circle: bool) -> list[Spinlock]:
    """Each CPU holds a lock; CPU 0 wants the other's, and in a circle CPU 1 wants CPU 0's."""
    locks = []
    for index in (0, 1):
        k.use(index)
        lock = Spinlock.at(k.scratch(Spinlock.SIZE))
        lock.init(ranks.FRAMES)
        lock.acquire()
        locks.append(lock)
    for index in (0, 1)[: 1 + circle]:
        k.use(index)
        waits_for.begin(SPIN, locks[1 - index].phys)
    return locks


def let_go(k: Kernel, locks: list[Spinlock]) -> None:
    for index, lock in enumerate(locks):
        k.use(index)
        if waits_for.cpu_wait(index)[1] is not None:
            waits_for.end()
        lock.release()


def test_a_circle_stops_the_machine(k: Kernel, found: list[Finding]):
    locks = hold_and_want(k, circle=True)
    assert watcher(found).look() == STATUS_DEADLOCK
    (finding,) = found
    assert finding.kind == DEADLOCK
    assert finding.what.startswith("CPU 0 and CPU 1, for ")
    assert list(finding.stacks) == ["CPU 0", "CPU 1"]
    let_go(k, locks)


def test_a_wait_that_changes_between_two_readings_is_none(k: Kernel, found, monkeypatch):
    locks = hold_and_want(k, circle=True)
    one = watcher(found)

    def meanwhile(_seconds: float) -> None:
        waits_for.end()
        waits_for.begin(SPIN, locks[0].phys)

    monkeypatch.setattr("mpkernel.tools.detector.watcher.time.sleep", meanwhile)
    assert one.look() is None
    assert found == []
    let_go(k, locks)


def test_a_wait_without_a_circle_is_told_when_it_lasts(k: Kernel, found: list[Finding]):
    locks = hold_and_want(k, circle=False)
    one = watcher(found)
    while not found:
        assert one.look() is None
    assert one.look() is None
    assert [finding.kind for finding in found] == [STUCK_SPIN]
    assert list(found[0].stacks) == ["CPU 0", "CPU 1"]
    let_go(k, locks)


@pytest.mark.parametrize("killable", [False, True])
def test_who_is_asked_to_end(k: Kernel, found: list[Finding], monkeypatch, killable: bool):
    tasks = [k.new_task(), k.new_task()]
    mutexes = []
    for task in tasks:
        mutex = Mutex.at(k.scratch(Mutex.SIZE))
        mutex.init(ranks.INODE)
        mutex.owner.store(task.phys)
        mutexes.append(mutex)
        task.state = TASK_BLOCKED
    asked = []
    monkeypatch.setattr(
        outside, "ask", lambda _cpu, action, *_: asked.append(action) or action == outside.ASK_KILL
    )
    with (
        Asleep(MUTEX, mutexes[1].phys, tasks[0].phys),
        Asleep(MUTEX, mutexes[0].phys, tasks[1].phys, is_killable=killable),
    ):
        status = watcher(found, kills=True).look()
    assert status == (None if killable else STATUS_DEADLOCK)
    assert (outside.ASK_KILL in asked) == killable
