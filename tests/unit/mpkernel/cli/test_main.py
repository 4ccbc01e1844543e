"""Whatever goes wrong is one line on standard error and a status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def mpkernel(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mpkernel", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dance"], "No such command"),
        (["boot", "--cpus", "0"], "1 to 64 cores"),
        (["boot", "--cpus", "65"], "1 to 64 cores"),
        (["boot", "--cpus", "many"], "--cpus"),
        (["boot", "--ram", "1M"], "too few"),
        (["boot", "--ram", "1X"], "is no size"),
        (["boot", "--ram", "20000001"], "4 KiB"),
        (["boot", "--numa", "5"], "NUMA"),
        (["boot", "--apic-ids", "0,0,1,2"], "different APIC ids"),
        (["boot", "--init", "bin/init"], "absolute"),
        (["boot", "--log", "loud"], "--log"),
        (["boot", "--timeout", "0"], "--timeout"),
        (["run"], "PROGRAM"),
        (["run", "no-such-program"], "no-such-program"),
        (["run", "--cpuz", "2", "x"], "--cpuz"),
        (["run", "pyproject.toml"], "no ELF"),
        (["mkfs", "x.img"], "--size"),
        (["mkfs", "x.img", "--size", "64M", "--from", "no-such-folder"], "no folder"),
        (["mkfs", "no-such-folder/x.img", "--size", "4M"], "no-such-folder"),
    ],
)
def test_refusals_are_one_line_and_status_2(arguments: list[str], words: str):
    done = mpkernel(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("mpkernel: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("command", [(), ("boot",), ("run",), ("mkfs",)])
def test_help_has_examples(command: tuple[str, ...]):
    done = mpkernel(*command, "--help")
    assert done.returncode == 0
    assert "mpkernel " + (command[0] if command else "boot") in done.stdout.split("\n", 1)[1]


def test_no_arguments_show_the_help():
    done = mpkernel()
    assert done.returncode == 2
    assert "Commands:" in done.stdout


def test_help_imports_no_machine():
    code = (
        "import sys; sys.argv = ['mpkernel', 'boot', '--help']\n"
        "from mpkernel.cli import main\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('hw', 'numpy', 'llvmlite')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_leaves_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "mpkernel", "--version"],
        cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert "Traceback" not in done.stderr


def test_unexpected_errors_are_one_line_and_shown_whole_on_demand(capfd, monkeypatch):
    from mpkernel.cli import main, mkfs  # noqa: PLC0415

    def fail(*_args: object, **_kwargs: object) -> int:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(mkfs.mkfs, "callback", fail)
    arguments = ["mkfs", "x", "--size", "1M"]
    assert main.run_command(arguments) == main.STATUS_BROKEN
    assert capfd.readouterr().err == (
        "mpkernel: internal error: RuntimeError: two lines (--log debug shows more)\n"
    )
