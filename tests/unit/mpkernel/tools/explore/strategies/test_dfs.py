"""DFS finds every outcome that any interleaving has, with fewer schedules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hw.machine_config import MachineConfig
from hw.spec.memory_map import MIB
from mpkernel.tools.explore.strategies.dfs import Dfs, conflict
from tests.support.board import powered_board
from tests.support.strands import Every, outcomes

STEP = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["write", "add"]), st.integers(0, 2), st.integers(1, 3)),
)
PROGRAMS = st.one_of(
    st.lists(st.lists(STEP, min_size=1, max_size=4), min_size=2, max_size=2),
    st.lists(st.lists(STEP, min_size=1, max_size=2), min_size=3, max_size=3),
)


@settings(max_examples=80, deadline=None)
@given(PROGRAMS)
def test_no_outcome_is_missed(programs: list[list[tuple[object, ...]]]):
    every, most = outcomes(Every(), programs)
    dfs = Dfs()
    found, count = outcomes(dfs, programs)
    assert found == every
    assert dfs.is_exhaustive
    assert count <= most


INNER = st.lists(
    st.tuples(st.sampled_from(["read", "add"]), st.integers(0, 1), st.just(1)), max_size=2
)


@st.composite
def sections(draw: st.DrawFn) -> list[tuple[object, ...]]:
    """A section under a lock, perhaps with one under another lock inside: deadlocks may come."""
    outer = draw(st.integers(8, 9))
    inner: list[tuple[object, ...]] = []
    if draw(st.booleans()):
        inner = [("take", 17 - outer), ("give", 17 - outer)]
    return [("take", outer), *draw(INNER), *inner, ("give", outer), *draw(INNER)[:1]]


@settings(max_examples=40, deadline=None)
@given(st.lists(sections(), min_size=2, max_size=2), STEP)
def test_no_order_of_sections_is_missed(programs: list[list[tuple[object, ...]]], step):
    programs[0] = [step, *programs[0]]
    with powered_board(MachineConfig(cpus=3, ram_bytes=16 * MIB)):
        every, _ = outcomes(Every(), programs)
        assert outcomes(Dfs(), programs)[0] == every


def test_a_lock_is_waited_for_in_one_step():
    section = [("take", 8), ("add", 0, 1), ("give", 8)]
    with powered_board(MachineConfig(cpus=2, ram_bytes=16 * MIB)):
        assert outcomes(Dfs(), [section * 3] * 2)[1] == 20  # six sections, three of each


def test_steps_that_commute_are_not_tried_in_both_orders():
    apart = [[("write", n, 1), ("write", n, 2)] for n in range(3)]
    assert outcomes(Dfs(), apart)[1] == 1
    assert outcomes(Every(), apart)[1] == 90


def test_conflict():
    assert conflict((8, True, False), (8, False, False))
    assert not conflict((8, False, False), (8, False, False))
    assert not conflict((8, True, False), (16, True, False))
    assert not conflict((0, True, False), (0, True, False))
