"""The command that compares the CPUs of a machine."""

import subprocess
import sys

import pytest

from tests.support.command import mpkernel


@pytest.mark.feature("B12")
def test_all_cpus_hold_the_same():
    done = mpkernel("cpu", "compare", "--cpus", "3")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in lines[:5]] == ["CR0", "CR4", "EFER", "PAT", "MTRRcap"]
    assert all(line.endswith("  CPUs 0, 1, 2") for line in lines)
    assert len(lines) == 3 + 3 + 16 + 11


@pytest.mark.feature("B12")
def test_one_poisoned_register_is_named():
    command = [sys.executable, "-m", "tests.support.poisoned_cpu", "--cpus", "3"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.decode().splitlines()]
    at = next(k for k, words in enumerate(lines) if words[0] == "MTRRdefType")
    assert lines[at][1:] == ["0x0000000000000000", "CPUs 0, 2"]
    assert lines[at + 1] == ["0x0000000000000806", "CPU", "1, not as CPU 0"]
    assert sum("not" in words[-1] for words in lines) == 1
