"""A core that never comes online is named, and boot goes on without it."""

import subprocess
import sys

import pytest


@pytest.mark.feature("A8", "A9")
def test_a_core_that_does_not_come_online_is_named_and_left_out():
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.dead_core", "cpuinfo; spin 6 1 | wc; exit 5"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "core 2 is launched, not online: left out" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("3 cores")
    assert lines[-1].split()[0] == "7", "all six processes ran"
