"""The commands of the lock validator."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from mpkernel.cli.main import run_command
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.report import Report, Step
from tests.support.command import mpkernel


def test_selftest_counts_by_group():
    done = mpkernel("lockdep", "selftest")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stdout
    assert lines[-1].split() == ["all", "394/394"]
    assert [line.split()[-1] for line in lines if line.startswith("5 irq")] == ["138/138"]


def test_graph_draws_the_locks_of_a_machine(tmp_path: Path):
    target = tmp_path / "locks.svg"
    done = mpkernel("lockdep", "graph", "--cpus", "2", "--cmdline", "ps", "-o", target)
    assert done.returncode == 0, done.stderr
    texts = {one.text for one in ElementTree.fromstring(target.read_text()).iter()}
    assert {"address_space", "page_cache", "run_queue"} <= texts


def test_show_reads_what_a_machine_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    steps = [Step("a", "b", 0, ["x.py:1 f"]), Step("b", "a", 1, ["y.py:2 g"])]
    one = Report(report.CIRCULAR, "a -> b -> a", steps=steps)
    file = tmp_path / "found.json"
    file.write_text(one.to_json() + "\n")
    assert run_command(["lockdep", "show", str(file)]) == 0
    assert capsys.readouterr().out == one.text() + "\n"
    assert run_command(["lockdep", "show", "--dot", str(file)]) == 0
    assert '"b" -> "a" [label="y.py:2 g"];' in capsys.readouterr().out
    file.write_text("{}\n")
    assert run_command(["lockdep", "show", str(file)]) == 2
    assert "found.json:1 is no finding" in capsys.readouterr().err
