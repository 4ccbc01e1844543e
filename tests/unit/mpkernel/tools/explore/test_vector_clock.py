"""Joining two clocks knows what both know."""

from hypothesis import given
from hypothesis import strategies as st

from mpkernel.tools.explore.vector_clock import join

CLOCKS = st.lists(st.integers(0, 9), min_size=4, max_size=4)


@given(CLOCKS, CLOCKS)
def test_join_is_the_least_upper_bound(one: list[int], other: list[int]):
    joined = one.copy()
    join(joined, other)
    assert joined == [max(pair) for pair in zip(one, other, strict=True)]
