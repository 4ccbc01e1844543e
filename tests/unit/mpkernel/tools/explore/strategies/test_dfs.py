"""DFS finds every outcome that any interleaving has, with fewer schedules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.tools.explore.strategies.dfs import Dfs, conflict
from tests.support.strands import Every, outcomes

STEP = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["write", "add"]), st.integers(0, 2), st.integers(1, 3)),
)
PROGRAMS = st.one_of(
    st.lists(st.lists(STEP, min_size=1, max_size=4), min_size=2, max_size=2),
    st.lists(st.lists(STEP, min_size=1, max_size=2), min_size=3, max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(PROGRAMS)
def test_no_outcome_is_missed(programs: list[list[tuple[object, ...]]]):
    every, most = outcomes(Every(), programs)
    dfs = Dfs()
    found, count = outcomes(dfs, programs)
    assert found == every
    assert dfs.is_exhaustive
    assert count <= most


def test_steps_that_commute_are_not_tried_in_both_orders():
    apart = [[("write", n, 1), ("write", n, 2)] for n in range(3)]
    assert outcomes(Dfs(), apart)[1] == 1
    assert outcomes(Every(), apart)[1] == 90


def test_conflict():
    assert conflict((8, True), (8, False))
    assert not conflict((8, False), (8, False))
    assert not conflict((8, True), (16, True))
    assert not conflict((0, True), (0, True))
