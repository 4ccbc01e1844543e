"""``mpkernel explore`` as a user runs it."""

from pathlib import Path

import pytest

from tests.support.command import mpkernel

ABBA = """
from types import SimpleNamespace
def setup(k): return SimpleNamespace(a=k.spinlock("a"), b=k.spinlock("b"))
def core0(k, s):
    with s.a, s.b: pass
def core1(k, s):
    with s.b, s.a: pass
"""


@pytest.fixture
def abba(tmp_path: Path) -> Path:
    path = tmp_path / "abba.py"
    path.write_text(ABBA)
    return path


def test_a_finding_can_be_had_again_by_what_is_printed(abba: Path):
    found = mpkernel("explore", abba, "--no-lockdep")
    assert found.returncode == 1
    text = found.stdout.decode()
    assert text.startswith("deadlock: core0 core1: ")
    assert found.stderr.decode().startswith("random, seed ")
    schedule = text.rsplit("--schedule '", 1)[1].split("'")[0]
    again = mpkernel(
        "explore", abba, "--no-lockdep", "--strategy", "replay", "--schedule", schedule
    )
    assert (again.returncode, again.stdout, again.stderr) == (1, found.stdout, b"")


def test_jobs_find_what_one_finds(abba: Path):
    arguments = ("explore", abba, "--no-lockdep", "--strategy", "pct", "--schedules", "400")
    one, two = mpkernel(*arguments), mpkernel(*arguments, "--jobs", "2")
    assert one.returncode == two.returncode == 1
    assert one.stdout == two.stdout


def test_clean(tmp_path: Path):
    path = tmp_path / "fine.py"
    path.write_text("def setup(k): return k.word()\ndef core0(k, s): s.add(1)\n")
    done = mpkernel("explore", path, "--cores", "3", "--strategy", "dfs")
    assert (done.returncode, done.stdout) == (0, b"nothing found; exhaustive: 6 schedules\n")


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("x =", (), "bad.py:1: invalid syntax"),
        ("import nowhere", (), "bad.py: ModuleNotFoundError: No module named 'nowhere'"),
        ("def setup(k): pass", (), "bad.py: no core: it defines no function core0(k, s)"),
        ("def core0(k): pass", (), "bad.py: core0 must be core0(k, s)"),
        ("def setup(k): 1/0\ndef core0(k, s): pass", (), "bad.py: setup fails: ZeroDivisionError"),
        (ABBA, ("--strategy", "replay", "--schedule", "zero"), "'zero' is no turn of a schedule"),
        (ABBA, ("--variant", "none"), "bad.py: no function's name ends in _none"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, text: str, arguments: tuple[str, ...], said: str):
    path = tmp_path / "bad.py"
    path.write_text(text)
    done = mpkernel("explore", path, *arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert said in done.stderr.decode()


def test_a_scenario_that_is_not_there_is_one_line(tmp_path: Path):
    done = mpkernel("explore", tmp_path / "none.py", "--jobs", "2")
    assert done.returncode == 2
    assert done.stderr.endswith(b"none.py: No such file or directory\n")
    assert done.stderr.count(b"\n") == 1
