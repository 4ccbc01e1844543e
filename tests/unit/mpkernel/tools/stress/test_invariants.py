"""A task that two CPUs run, or none has claimed, is seen from outside."""

import pytest

from mpkernel.tools.stress import invariants
from tests.support.kernel import Kernel, kernel

pytestmark = pytest.mark.feature("E11")


@pytest.fixture
def k():
    with kernel(cpus=3) as one:
        yield one
        for cpu in one.cpus:
            cpu.area.current = 0


def run(k: Kernel, *pairs: tuple[int, int], claimed: int = 1) -> None:
    """CPUs and the number of the task that each runs."""
    tasks = [k.new_task() for _ in range(3)]
    for cpu, number in pairs:
        tasks[number].on_cpu = claimed
        k.cpus[cpu].area.current = tasks[number].phys


def test_each_its_own(k: Kernel):
    run(k, (0, 0), (1, 1), (2, 2))
    assert list(invariants.violations()) == []


def test_one_task_on_two_cpus(k: Kernel):
    run(k, (0, 0), (2, 0))
    assert list(invariants.violations()) == ["task 0 runs on CPU 0 and on CPU 2"]


def test_a_task_that_nobody_claimed(k: Kernel):
    run(k, (1, 1), claimed=0)
    assert list(invariants.violations()) == ["CPU 1 runs task 0, which is on no CPU"]


def test_what_is_no_task_is_passed_over(k: Kernel):
    k.cpus[0].area.current = k.cpus[1].area.current = 1 << 60
    assert list(invariants.violations()) == []
