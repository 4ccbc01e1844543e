"""The timer of a CPU: one deadline, never early, one interrupt."""

from mpkernel.arch import timer
from mpkernel.arch.vectors import VECTOR_TIMER
from tests.support.board import accepted
from tests.support.kernel import kernel


def test_it_fires_once_and_not_early():
    with kernel(2):
        deadline = timer.now_ns() + 2_000_000
        timer.arm(deadline)
        taken = []
        while not taken:
            timer.poll()
            taken = accepted(0)
        assert timer.now_ns() >= deadline
        assert taken == [VECTOR_TIMER]
        assert timer.deadline_tsc() == timer.NEVER
        timer.poll()
        assert accepted(0) == accepted(1) == []


def test_a_new_deadline_replaces_the_last_and_never_disarms():
    with kernel():
        timer.arm(1)
        timer.arm(timer.now_ns() + 10**12)
        timer.poll()
        assert accepted(0) == []
        assert timer.deadline_tsc() != timer.NEVER
        timer.arm(timer.NEVER)
        assert timer.deadline_tsc() == timer.NEVER
