"""What a machine's validator reported reaches the user and the test run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpkernel.cli import findings
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.report import Report
from tests.support import lockdep
from tests.support.kernel import kernel


def test_reports_are_counted_and_kept(
    machine_findings: Callable[[], list[Report]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
):
    one, two = Report(report.RANK, "one"), Report(report.SLEEP, "two")
    file = tmp_path / "findings"
    with kernel(), lockdep.expected():
        findings.show_findings(file)
        assert capsys.readouterr().err == ""
        report.keep(one)
        report.keep(two)
        findings.show_findings(file)
        findings.show_findings()
    assert [Report.from_json(line) for line in file.read_text().splitlines()] == [one, two]
    assert capsys.readouterr().err == 2 * "mpkernel: lockdep reports 2 findings\n"
    assert machine_findings() == [one, two]
    assert machine_findings() == []
