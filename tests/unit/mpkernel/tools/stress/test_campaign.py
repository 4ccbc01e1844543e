"""Trials in processes of their own; a campaign on a real cluster is in tests/system."""

import sys

import pytest

from mpkernel.tools.stress import campaign
from mpkernel.tools.stress.plan import Plan


def test_a_trial_that_cannot_even_begin_has_a_result():
    result = campaign.run_here(Plan(3, cpus=999))
    assert not result.passed
    assert result.seed == 3
    assert "without a result" in result.problems[0]
    assert any("a machine has 1 to" in line for line in result.problems)


def test_without_dask_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(campaign.ClusterError, match="pip install"):
        list(campaign.run_on_cluster([Plan()], 2, None))
