"""Hosts that cannot run a machine are refused in one line."""

import os
import subprocess
import sys

import pytest

from mpkernel.cli import host_check


def test_this_host_is_fine():
    assert host_check.refusal() is None


@pytest.mark.parametrize(
    ("target", "value", "words"),
    [
        ("sys.version_info", (3, 10, 9), "Python 3.10"),
        ("sys.version_info", (3, 15, 0), "Python 3.15"),
        ("sys.platform", "darwin", "x86-64 Linux"),
        ("platform.machine", lambda: "aarch64", "aarch64"),
        ("os.confstr", lambda _name: None, "glibc"),
    ],
)
def test_other_hosts_are_refused(monkeypatch, target: str, value: object, words: str):
    monkeypatch.setattr(target, value)
    reason = host_check.refusal()
    assert reason is not None
    assert words in reason
    assert "\n" not in reason


def test_optimised_python_is_refused():
    done = subprocess.run(
        [sys.executable, "-O", "-m", "mpkernel", "--version"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("mpkernel: python -O")
    assert done.stderr.count("\n") == 1


def test_closed_descriptors_are_opened():
    code = "import os; from mpkernel.cli.host_check import prepare_process as p; p(); os.fstat(0)"
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.close(0); {code}"], timeout=30, check=False
    )
    assert done.returncode == 0


def test_numpy_starts_no_threads():
    code = (
        "from mpkernel.cli.host_check import prepare_process as p; p(); import numpy, os;"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=True, env=environment,
    )  # fmt: skip
    assert done.stdout == "1\n"
