"""What a machine's validator reported reaches the user and the test run."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mpkernel.cli import findings
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.report import Report
from tests.support import lockdep
from tests.support.kernel import kernel


def test_reports_are_counted_and_kept(
    machine_findings: Callable[[], list[Report]], capsys: pytest.CaptureFixture[str]
):
    one, two = Report(report.RANK, "one"), Report(report.SLEEP, "two")
    file = Path(os.environ[findings.VARIABLE])
    with kernel(), lockdep.expected():
        findings.show_findings(file)
        assert capsys.readouterr().err == ""
        report.keep(one)
        report.keep(two)
        findings.show_findings(file)
    assert capsys.readouterr().err == "mpkernel: lockdep reports 2 findings\n"
    assert machine_findings() == [one, two]
    assert machine_findings() == []
