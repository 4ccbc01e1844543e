"""Frames and TLB shootdown under several cores at once, each a process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUCCESS = 3


@pytest.mark.parametrize(
    ("scenario", "cores"), [("allocator", 4), ("shootdown", 2), ("shootdown", 4)]
)
def test_scenario(scenario: str, cores: int) -> None:
    command = [sys.executable, "-m", "tests.support.bare_memory", scenario, str(cores)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == SUCCESS, done.stderr
