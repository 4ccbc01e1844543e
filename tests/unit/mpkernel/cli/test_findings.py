"""What a machine's validator reported reaches the user and the test run."""

import pytest

from mpkernel.cli import findings
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.report import Report
from tests.support import lockdep
from tests.support.kernel import kernel


def test_reports_are_counted_and_kept(machine_findings, capsys: pytest.CaptureFixture[str]):
    one, two = Report(report.RANK, "one"), Report(report.SLEEP, "two")
    with kernel(), lockdep.expected():
        findings.show_findings()
        assert capsys.readouterr().err == ""
        report.keep(one)
        report.keep(two)
        findings.show_findings()
    assert capsys.readouterr().err == "mpkernel: lockdep reports 2 findings\n"
    assert machine_findings() == [one, two]
    assert machine_findings() == []
