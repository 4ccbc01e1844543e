"""Options of ``mpkernel stress``; trials are in tests/system/test_stress_command.py."""

import pytest

from mpkernel.cli import stress as command
from mpkernel.cli.main import run_command
from mpkernel.tools.stress.campaign import ClusterError
from mpkernel.tools.stress.plan import INJECTIONS, WORKLOADS, Result


@pytest.fixture
def plans(monkeypatch):
    """Plans that were run; each passes but seed 13."""
    seen = []

    def results(plans, _jobs, cluster):
        for plan in plans:
            if cluster == "gone" and seen:
                raise ClusterError("the cluster gone does not answer")
            seen.append(plan)
            problems = ["it broke"] if plan.seed == 13 else []
            yield Result(plan.seed, passed=not problems, problems=problems)

    monkeypatch.setattr(command, "_results", results)
    return seen


def test_names_out_of_a_list(plans):
    assert run_command(["stress", "--workload", "tlb,locks,tlb", "--inject", "all"]) == 0
    (plan,) = plans
    assert plan.workloads == ("tlb", "locks")
    assert plan.inject == INJECTIONS
    assert run_command(["stress"]) == 0
    assert plans[1].workloads == WORKLOADS
    assert plans[1].inject == ()


def test_seeds(plans):
    assert run_command(["stress", "--seed", "5", "--seeds", "3"]) == 0
    assert [plan.seed for plan in plans] == [5, 6, 7]


def test_one_that_fails_is_the_status(plans, capsys):
    assert run_command(["stress", "--seed", "12", "--seeds", "2"]) == 1
    shown = capsys.readouterr().out
    assert "seed 13: FAILED" in shown
    assert "  it broke" in shown


def test_what_was_done_before_the_cluster_went_away_is_kept(plans, capsys, tmp_path):
    file = tmp_path / "results.json"
    arguments = ["stress", "--seeds", "3", "--cluster", "gone", "--json", str(file)]
    assert run_command(arguments) == 2
    shown = capsys.readouterr()
    assert shown.err == ("mpkernel: the cluster gone does not answer (1 of 3 trials are done)\n")
    assert "not run" in shown.out
    assert file.read_text().count('"result": null') == 2


@pytest.mark.parametrize(
    "words", [["--workload", "dance"], ["--inject", "x"], ["--cpus", "0"], ["--seeds", "0"]]
)
def test_bad_options_are_one_line(plans, words: list[str], capsys):
    assert run_command(["stress", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert plans == []
