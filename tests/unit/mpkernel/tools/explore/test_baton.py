"""The baton: one strand runs, stops before each access, and waits for what it has read."""

import pytest

from hw.spec.watch import ATOMIC, PRIVATE, WRITE
from mpkernel.arch.cpu import Cpu, cpu, use_cpu
from mpkernel.tools.explore.baton import STEP_NS, Baton
from mpkernel.tools.explore.strategies.random import RandomWalk
from mpkernel.tools.explore.strategies.replay import Replay
from tests.support.strands import address


@pytest.fixture(autouse=True)
def _same_cpu_afterwards():
    before = cpu()
    yield
    use_cpu(before)


def baton_of(turns=(), most_steps: int = 100) -> Baton:
    replay = Replay(turns)
    replay.begin()
    return Baton(replay, most_steps)


def test_a_strand_stops_before_its_access():
    baton = baton_of(((0, 1), (1, 1), (0, 1)))
    seen: list[str] = []

    def body(name: str):
        def execute(_):
            seen.append(f"{name} begins")
            baton.access(address(0), WRITE)
            seen.append(f"{name} has written")
            baton.access(address(1), WRITE)

        return execute

    baton.add("a", Cpu(0), body("a"))
    baton.add("b", Cpu(1), body("b"))
    assert seen == ["a begins", "b begins"]
    baton.run()
    assert seen[2:] == ["a has written", "b has written"]
    assert baton.trace == [0, 1, 0, 1]
    assert baton.now_ns() == 4 * STEP_NS


def test_each_strand_runs_on_its_cpu():
    baton = baton_of(((1, 1), (0, 1), (1, 1)))
    seen: list[tuple[int, int]] = []

    def execute(strand):
        for _ in range(2):
            baton.access(address(0), 0)
            seen.append((strand.index, cpu().index))

    for index in range(2):
        baton.add(str(index), Cpu(index), execute)
    baton.run()
    assert len(seen) == 4
    assert all(strand == index for strand, index in seen)


def test_who_spins_waits_for_a_write_to_what_it_has_read():
    words = {0: 0}
    baton = baton_of(((0, 1), (1, 1), (0, 2), (1, 9)))
    turns = []

    def spinner(_):
        while True:
            baton.access(address(0), ATOMIC)
            if words[0] == 2:
                return
            turns.append(words[0])
            baton.relax()

    def writer(_):
        for step in range(4):
            baton.access(address(1 if step % 2 else 0), ATOMIC | WRITE)
            if not step % 2:
                words[0] += 1

    baton.add("spinner", Cpu(0), spinner)
    baton.add("writer", Cpu(1), writer)
    baton.run()
    assert turns == [0, 1]
    assert all(strand.is_done for strand in baton.strands)


def test_a_write_between_the_read_and_the_turn_is_not_missed():
    baton = baton_of(((0, 1), (1, 1)))
    words = {0: 0}

    def spinner(_):
        for _ in range(10):
            baton.access(address(0), ATOMIC)
            seen = words[0]
            baton.access(address(9), ATOMIC)
            if seen:
                return
            baton.relax()

    def writer(_):
        baton.access(address(0), ATOMIC | WRITE)
        words[0] = 1

    baton.add("spinner", Cpu(0), spinner)
    baton.add("writer", Cpu(1), writer)
    baton.run()
    assert all(strand.is_done for strand in baton.strands)


def test_nobody_can_run_when_all_spin():
    baton = baton_of()

    def spinner(_):
        while True:
            baton.access(address(0), ATOMIC)
            baton.relax()

    baton.add("a", Cpu(0), spinner)
    baton.add("b", Cpu(1), spinner)
    baton.run()
    assert baton.failure is None
    assert [strand.is_blocked for strand in baton.strands] == [True, True]
    baton.close()
    assert all(strand.is_ended for strand in baton.strands)


def test_a_schedule_without_end_is_a_livelock():
    baton = baton_of(most_steps=50)

    def body(_):
        while True:
            baton.access(address(0), WRITE)

    baton.add("a", Cpu(0), body)
    baton.run()
    assert baton.failure is not None
    assert str(baton.failure) == "livelock: all: still running after 50 steps"
    baton.close()


def test_an_exception_ends_the_run():
    baton = Baton(RandomWalk(0), 50)

    def body(_):
        baton.access(address(0), WRITE)
        raise KeyError("x")

    baton.add("a", Cpu(0), body)
    baton.run()
    assert baton.failure is not None
    assert str(baton.failure) == "exception: a: KeyError: 'x'"


def test_private_accesses_and_other_memory_are_no_points():
    baton = baton_of()
    looked = []
    baton.lookers.append(lambda *seen: looked.append(seen[1:]))

    def body(_):
        baton.access(address(0), PRIVATE | WRITE)
        baton.access(0x1234, WRITE)

    baton.add("a", Cpu(0), body)
    baton.run()
    assert baton.trace == []
    assert looked == [(address(0), PRIVATE | WRITE)]
