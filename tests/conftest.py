"""What all tests share: the marker that ties a test to a feature row, and the long tests."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hw.cpu import code_store
from mpkernel.cli.findings import VARIABLE
from mpkernel.sync.lockdep.report import Report


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests that take minutes, too")
    parser.addoption(
        "--feature-results", metavar="FILE", help="write the result of each feature row's tests"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        os.environ["MPK_LONG"] = "1"  # differential tests size themselves by it
    if not hasattr(config, "workerinput"):
        # decoded code is kept as it is for users, but for this run only; all workers share it
        folder = tempfile.TemporaryDirectory(prefix="mpkernel-code-")
        config.add_cleanup(folder.cleanup)
        os.environ[code_store.VARIABLE] = folder.name
    target = config.getoption("--feature-results")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FeatureResults(Path(target)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="takes minutes: give --long")
    for item in items:
        for marker in item.iter_markers("feature"):
            item.user_properties.extend(("feature", row) for row in marker.args)
        if "long" in item.keywords and not config.getoption("--long"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def _findings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("lockdep") / "findings"
    file.touch()
    os.environ[VARIABLE] = str(file)
    return file


@pytest.fixture(autouse=True)
def machine_findings(_findings_file: Path) -> Iterator[Callable[[], list[Report]]]:
    """Fail a test whose machines' lock validator reports something, unless the test takes it."""

    def take() -> list[Report]:
        found = [Report.from_json(line) for line in _findings_file.read_text().splitlines()]
        _findings_file.write_text("")
        return found

    yield take
    left = take()
    assert not left, "\n".join(one.text() for one in left)


class FeatureResults:
    """Collects outcomes by feature row; they arrive here from all workers."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._results: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep a test's outcome: that of its call, or of what kept it from being called."""
        if report.when != "call" and report.outcome == "passed":
            return
        for key, row in report.user_properties:
            if key == "feature":
                self._results.setdefault(row, {})[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self._target.write_text(json.dumps(self._results, indent=1, sort_keys=True))
