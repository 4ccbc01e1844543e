"""Replay does what is written, and goes on by itself where nothing is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpkernel.tools.explore.schedule import Turns, turns_of
from mpkernel.tools.explore.strategies.random import RandomWalk
from mpkernel.tools.explore.strategies.replay import Replay
from tests.support.strands import run

PROGRAM = [("read", 0), ("write", 0, 1), ("read", 1)]


@given(st.integers(0, 1 << 30))
def test_a_whole_run_is_repeated(seed: int):
    walk = RandomWalk(seed)
    walk.begin()
    trace = run(walk, [PROGRAM] * 3)[0].trace
    replay = Replay(turns_of(trace))
    replay.begin()
    assert run(replay, [PROGRAM] * 3)[0].trace == trace


@pytest.mark.parametrize(
    ("turns", "trace"),
    [
        ((), [0, 0, 0, 1, 1, 1]),
        (((1, 2),), [1, 1, 1, 0, 0, 0]),
        (((0, 1), (1, 1)), [0, 1, 1, 1, 0, 0]),
        (((0, 9), (1, 1)), [0, 0, 0, 1, 1, 1]),
        (((7, 1), (1, 1)), [1, 1, 1, 0, 0, 0]),
    ],
)
def test_whoever_runs_goes_on(turns: Turns, trace: list[int]):
    replay = Replay(turns)
    replay.begin()
    assert run(replay, [PROGRAM] * 2)[0].trace == trace
