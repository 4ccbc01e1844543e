"""The random walk depends on its seed alone, and reaches every interleaving."""

from mpkernel.tools.explore.strategies.random import RandomWalk
from tests.support.strands import Every, outcomes, run

PROGRAMS = [[("read", 0), ("write", 0, 1)], [("read", 0), ("write", 0, 2)]]


def traces(seed: int, count: int) -> list[list[int]]:
    strategy = RandomWalk(seed)
    found = []
    for _ in range(count):
        assert strategy.begin()
        found.append(run(strategy, PROGRAMS)[0].trace)
    return found


def test_schedule_n_is_that_of_seed_plus_n():
    assert traces(5, 20)[7:] == traces(12, 13)


def test_all_interleavings_come():
    every = Every()
    assert len({tuple(trace) for trace in traces(0, 200)}) == outcomes(every, PROGRAMS)[1] == 6
