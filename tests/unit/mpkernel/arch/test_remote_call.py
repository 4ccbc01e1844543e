"""Function calls on other CPUs."""

import pytest

from hw import clock
from mpkernel.arch import interrupts, ipi, remote_call
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.vectors import VECTOR_CALL
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("B7")


@pytest.fixture
def calls():
    seen: list[int] = []
    before = dict(remote_call.FUNCTIONS._entries)
    remote_call.FUNCTIONS.add(77, seen.append)
    yield seen
    remote_call.FUNCTIONS._entries.clear()
    remote_call.FUNCTIONS._entries.update(before)


def test_all_callers_are_served_once(calls):
    with kernel(4) as k:
        for index in range(1, 4):
            k.use(index)
            remote_call.call(0, 77, 100 + index, wait=False)
        k.use(0)
        remote_call.serve()
        remote_call.serve()
        assert sorted(calls) == [101, 102, 103]
        sent = sum(ipi.COUNTS.of(c).sent[VECTOR_CALL - 0xF0] for c in range(4))
        assert sent == 3


def test_a_waiter_serves_the_calls_made_of_it(calls):
    """Two CPUs call each other at once: the first's wait serves the second's call."""
    with kernel(2) as k:
        k.use(1)
        remote_call.call(0, 77, 1, wait=False)
        k.use(0)
        board = remote_call.BOARDS.of(1)
        board.asked.or_(1)  # an older call of ours that CPU 1 has not served
        original = remote_call.relax

        def other_cpu_serves(_turn: int) -> None:
            board.asked.and_(~1)

        remote_call.relax = other_cpu_serves
        try:
            remote_call._wait_for(1, 1)
        finally:
            remote_call.relax = original
        assert calls == [1]


@pytest.mark.feature("C4")
@pytest.mark.parametrize("caller", [0, 1])
def test_the_tsc_never_goes_back_over_an_interrupt(caller):
    """Read on CPU A, in CPU B's handler and on A again; the CPUs are processes."""
    rounds, callee = 300, 1 - caller
    with core_processes(2) as k:
        seen, done = AtomicU64.at(k.scratch(8)), AtomicU64.at(k.scratch(8))
        remote_call.FUNCTIONS.add(78, lambda _argument: seen.store(clock.tsc()))

        def take_call(vector: int) -> None:
            assert vector == VECTOR_CALL
            remote_call.serve()
            cpu().apic.eoi()

        k.cpus[callee].interrupt_handler = take_call

        def run(index: int) -> None:
            if index == callee:
                while not done.load():
                    interrupts.safepoint()
                return
            for _ in range(rounds):
                before = clock.tsc()
                remote_call.call(callee, 78, 0, wait=True)
                assert before <= seen.load() <= clock.tsc()
            done.store(1)

        try:
            run_cpus(k, run)
        finally:
            del remote_call.FUNCTIONS._entries[78]
