"""Every strategy is one: it says what it is called, and chooses among those that can run."""

import pytest

from mpkernel.tools.explore.campaign import strategy_of
from tests.support.strands import run


@pytest.mark.parametrize("name", ["random", "pct", "dfs", "replay"])
def test_each_chooses(name: str):
    strategy = strategy_of(name, 0, "0 1" if name == "replay" else None, 10)
    assert strategy.begin()
    assert strategy.name == name
    baton, _ = run(strategy, [[("write", 0, 1)], [("write", 0, 2)]])
    assert sorted(baton.trace) == [0, 1]
