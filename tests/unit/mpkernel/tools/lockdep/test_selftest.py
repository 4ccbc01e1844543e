"""Each scenario of Linux's lock validator, through real lock types: the verdict is the same."""

import pytest

from mpkernel.cli.lockdep import board
from mpkernel.tools.lockdep import selftest
from mpkernel.tools.lockdep.scenario import Scenario, load, parse


@pytest.mark.parametrize("scenario", load(), ids=lambda one: one.case)
def test_verdict(scenario: Scenario):
    with board() as this:
        assert selftest.is_right(scenario, this), scenario.text


@pytest.mark.parametrize(
    ("steps", "is_reported", "is_right"),
    [
        ("spin.lock(A)", False, True),
        ("spin.lock(A)", True, False),
        ("spin.lock(X1); spin.lock(X2)", True, True),
        ("spin.lock(X1); spin.lock(X2)", False, False),
        ("mutex.lock(A); mutex.unlock(A); mutex.unlock(A)", True, True),
    ],
)
def test_a_wrong_verdict_is_seen(steps: str, is_reported: bool, is_right: bool):
    scenario = Scenario(1, "group", "case", steps, is_reported, parse(steps))
    with board() as this:
        assert selftest.is_right(scenario, this) == is_right


def test_a_panic_without_a_report_is_no_verdict(monkeypatch):
    monkeypatch.setattr("mpkernel.sync.lockdep.report.all_reports", list)
    scenario = Scenario(1, "group", "case", "", False, parse("local.lock(A); local.unlock(A)"))
    with board() as this:
        assert selftest.is_right(scenario, this)
    broken = Scenario(1, "group", "case", "", False, parse("local.unlock(A)"))
    with board() as this:
        assert not selftest.is_right(broken, this)
