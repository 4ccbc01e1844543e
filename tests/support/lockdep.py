"""What the lock validator reports in a test: nothing, but what the test expects.

    with lockdep.expected() as found:
        ...
    assert found.kinds == [report.RECURSION]

State: the reports that tests have expected, by number, while a board is mapped.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.report import Report

_EXPECTED: list[Report] = []


class Found:
    """Reports made while they were expected."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    @property
    def kinds(self) -> list[str]:
        """Kind of each, in the order in which they were made."""
        return [one.kind for one in self.reports]


@contextmanager
def expected() -> Iterator[Found]:
    """Reports made in this block are the test's business."""
    before = report.all_reports()
    found = Found()
    try:
        yield found
    finally:
        found.reports = [one for one in report.all_reports() if one not in before]
        _EXPECTED.extend(found.reports)


def assert_quiet() -> None:
    """Fail if there are reports that no test expected."""
    wrong = [one.text() for one in report.all_reports() if one not in _EXPECTED]
    assert not wrong, "\n".join(wrong)


def forget() -> None:
    """The board goes, and its reports with it."""
    _EXPECTED.clear()
