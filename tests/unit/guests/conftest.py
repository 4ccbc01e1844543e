"""The compiled user programs, run on the host: they are Linux programs there too."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from guests import build

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def programs() -> Path:
    """Folder of the compiled programs."""
    return build.programs()


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Run:
    """Run a program in an empty folder; only the programs are in $PATH."""

    def start(
        name: str, *arguments: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [programs / name, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.fspath(programs), "HOME": "/root"} if env is None else env,
            timeout=60,
            check=False,
        )

    return start
