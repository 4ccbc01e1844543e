"""PCT runs by priority, and finds what needs one core to do nothing for long."""

from mpkernel.tools.explore.strategies.pct import DEPTH, Pct
from tests.support.strands import run, switches

LONG = [("write", 1, n) for n in range(20)]


def test_a_schedule_has_few_switches():
    strategy = Pct(0, 40)
    for _ in range(50):
        strategy.begin()
        trace = run(strategy, [LONG, LONG])[0].trace
        assert len(list(switches(trace))) <= DEPTH


def test_it_finds_a_core_that_stands_still_in_the_middle():
    """Random walks would need 2 ** 20 schedules."""
    strategy = Pct(0, 24)
    middle = [("read", 0), ("read", 2), ("read", 0)]
    for _ in range(200):
        strategy.begin()
        _, (results, _) = run(strategy, [middle, [*LONG, ("write", 2, 1), ("write", 0, 1)]])
        if results[0] == (0, 1, 1):
            return
    raise AssertionError("not found")


def test_the_seed_decides():
    first, again = Pct(3, 40), Pct(3, 40)
    for _ in range(10):
        first.begin()
        again.begin()
        assert run(first, [LONG, LONG])[0].trace == run(again, [LONG, LONG])[0].trace
