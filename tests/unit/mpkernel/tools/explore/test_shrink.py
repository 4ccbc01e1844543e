"""Shrinking leaves out what does not matter, and only that."""

from hypothesis import given
from hypothesis import strategies as st

from mpkernel.tools.explore.schedule import Turns
from mpkernel.tools.explore.shrink import merged, shrink

TURNS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=30).map(tuple)


def contains(turns: Turns, wanted: list[int]) -> bool:
    """Whether these strands have turns in this order."""
    strands = iter(strand for strand, _ in turns)
    return all(one in strands for one in wanted)


@given(TURNS, st.lists(st.integers(0, 3), max_size=3))
def test_what_is_needed_stays_and_all_else_goes(noise: Turns, wanted: list[int]):
    needed = [one for n, one in enumerate(wanted) if n == 0 or wanted[n - 1] != one]
    turns = merged(noise + tuple((one, 2) for one in needed))
    if not contains(turns, needed):
        return
    assert shrink(turns, lambda shorter: contains(shorter, needed)) == tuple(
        (one, 1) for one in needed
    )


def test_a_schedule_of_which_all_matters_stays():
    turns = ((0, 3), (1, 2), (0, 1))
    assert shrink(turns, lambda shorter: shorter == turns) == turns


def test_turns_of_one_core_become_one():
    assert merged(((0, 1), (0, 2), (1, 1), (1, 1), (0, 1))) == ((0, 3), (1, 2), (0, 1))
