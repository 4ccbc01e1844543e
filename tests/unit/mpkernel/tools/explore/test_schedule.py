"""A schedule's text says the same as the schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpkernel.tools.explore.schedule import parse, text_of, turns_of


def test_turns_of_a_run():
    assert turns_of([0, 0, 1, 0]) == ((0, 2), (1, 1), (0, 1))


def test_text():
    assert text_of(((0, 2), (1, 1), (12, 1))) == "0*2 1 12"


@given(st.lists(st.integers(0, 9)))
def test_a_run_survives_its_text(trace: list[int]):
    turns = turns_of(trace)
    assert parse(text_of(turns)) == turns
    assert [strand for strand, steps in turns for _ in range(steps)] == trace


@pytest.mark.parametrize("text", ["x", "0*", "*3", "1-2", "0 1*two"])
def test_what_is_no_schedule_is_refused(text: str):
    with pytest.raises(ValueError, match="is no turn of a schedule"):
        parse(text)
