"""Sleepers that should not sleep; the questions to cores are in proc/test_outside_questions."""

from collections import defaultdict

import pytest

from mpkernel.arch import outside
from mpkernel.arch.waits_for import EVENT, MUTEX, Asleep
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.sleeping_lock import QUEUED
from mpkernel.sched.task import TASK_BLOCKED, TASK_KILLABLE, TASK_READY, TASK_SLEEPING, Task
from mpkernel.sync import ranks
from mpkernel.tools.detector.finding import HUNG_TASK, LOST_WAKEUP
from mpkernel.tools.detector.limits import Limits
from mpkernel.tools.detector.sleepers import Sleepers
from tests.support.kernel import Kernel, kernel

NOW = Limits(hung_task_s=0, lost_wakeup_s=0)
NEVER = Limits(hung_task_s=1000, lost_wakeup_s=1000)


@pytest.fixture
def k(monkeypatch):
    with kernel() as one:
        monkeypatch.setattr(outside, "_PATIENCE_S", defaultdict(lambda: 0.001))
        yield one


def task(k: Kernel, state: int) -> Task:
    made = k.new_task()
    made.state = state
    return made


def kinds(sleepers: Sleepers) -> list[str]:
    return [complaint.kind for complaint in sleepers.look()]


def test_only_those_hang_that_no_signal_wakes_and_no_time(k: Kernel):
    for state, deadline_ns, found in (
        (TASK_BLOCKED, None, [HUNG_TASK]),
        (TASK_KILLABLE, None, [HUNG_TASK]),
        (TASK_SLEEPING, None, []),
        (TASK_BLOCKED, 10**15, []),
        (TASK_READY, None, []),
    ):
        sleepers = Sleepers(NOW)
        with Asleep(EVENT, 0, task(k, state).phys, deadline_ns=deadline_ns):
            assert kinds(sleepers) == found
            assert kinds(sleepers) == [], "told once"
            assert kinds(Sleepers(NEVER)) == []


def test_the_first_waiter_of_a_free_mutex_was_forgotten(k: Kernel):
    mutex = Mutex.at(k.scratch(Mutex.SIZE))
    mutex.init(ranks.INODE)
    first, second = task(k, TASK_SLEEPING), task(k, TASK_SLEEPING)
    for one in (first, second):
        with mutex.queue.lock.irqsave():
            mutex.queue.append_locked(one)
    mutex.owner.store(QUEUED)
    sleepers = Sleepers(NOW)
    with Asleep(MUTEX, mutex.phys, first.phys), Asleep(MUTEX, mutex.phys, second.phys):
        assert kinds(sleepers) == [], "at one look it may be on the way"
        assert kinds(sleepers) == [LOST_WAKEUP]
        assert kinds(sleepers) == []
        mutex.owner.store(first.phys | QUEUED)
        again = Sleepers(NOW)
        assert kinds(again) + kinds(again) == []


def test_a_core_that_does_not_answer_is_not_taken_for_a_yes(k: Kernel):
    sleepers = Sleepers(NOW)
    with Asleep(EVENT, 0, task(k, TASK_SLEEPING).phys, condition=lambda: True):
        assert kinds(sleepers) + kinds(sleepers) == []
