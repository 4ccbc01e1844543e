"""Records of waits: nested on a CPU, in slots for tasks, with a number that tells waits apart."""

from typing import Any

import pytest

from mpkernel.arch import waits_for
from mpkernel.arch.waits_for import Asleep
from tests.support.kernel import Kernel, kernel


@pytest.fixture
def k():
    with kernel(cpus=2) as one:
        yield one


def test_the_innermost_wait_of_a_cpu_is_what_it_waits_for(k: Kernel):
    before, wait = waits_for.cpu_wait(0)
    assert wait is None
    waits_for.begin(waits_for.SPIN, 0x1000)
    waits_for.begin(waits_for.CALL, 0x2000, 1)
    _, wait = waits_for.cpu_wait(0)
    assert wait is not None
    assert (wait.kind, wait.object, wait.owner) == (waits_for.CALL, 0x2000, 1)
    waits_for.end()
    sequence, wait = waits_for.cpu_wait(0)
    assert wait is not None
    assert (wait.kind, wait.object) == (waits_for.SPIN, 0x1000)
    waits_for.end()
    assert waits_for.cpu_wait(0)[1] is None
    assert sequence == before + 3
    assert waits_for.cpu_wait(1)[1] is None


def test_deeper_than_there_are_records_is_counted_only(k: Kernel):
    for depth in range(waits_for.DEPTH + 2):
        waits_for.begin(waits_for.SPIN, depth)
    wait = waits_for.cpu_wait(0)[1]
    assert wait is not None
    assert wait.object == waits_for.DEPTH - 1
    for _ in range(waits_for.DEPTH + 2):
        waits_for.end()
    assert waits_for.cpu_wait(0)[1] is None


def asleep(*where: int, **how: Any) -> Asleep:
    one = Asleep(*where, **how)
    one.__enter__()
    return one


def test_sleepers_have_slots_that_are_used_again(k: Kernel):
    first = asleep(waits_for.EVENT, 0x10, 1, is_killable=True)
    second = asleep(waits_for.MUTEX, 0x20, 2, deadline_ns=5)
    (slot, one), (_, two) = waits_for.sleepers(0)
    assert (one.task, one.is_killable, one.deadline_ns) == (1, 1, 0)
    assert (two.kind, two.object, two.deadline_ns) == (waits_for.MUTEX, 0x20, 5)
    first.__exit__()
    third = asleep(waits_for.EVENT, 0x30, 3)
    again, three = waits_for.sleepers(0)[0]
    assert again == slot
    assert three.sequence == one.sequence + 2
    second.__exit__()
    third.__exit__()
    assert waits_for.sleepers(0) == []


def test_more_sleepers_than_slots_are_not_seen(k: Kernel, monkeypatch):
    monkeypatch.setattr(waits_for, "SLEEPERS", 1)
    ones = [asleep(waits_for.EVENT, 0, task) for task in (1, 2)]
    assert len(waits_for.sleepers(0)) == 1
    for one in ones:
        one.__exit__()
    assert waits_for.sleepers(0) == []
