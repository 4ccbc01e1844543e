"""Processes, signals and threads of the machine against the host's kernel, by the same ELF."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guests import build

pytestmark = pytest.mark.feature("G2")

SOURCE = Path(__file__).with_name("processes.c")
CASES = ("handlers", "faults", "interrupted", "children", "programs", "threads", "storm")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program, compiled with the user programs' library."""
    target = tmp_path_factory.mktemp("processes") / "processes"
    library = build.SOURCE / "lib"
    sources = [SOURCE, *sorted(library.glob("*.[cS]"))]
    command = [*build.find_compiler(), *build.COMPILE_FLAGS, *build.LINK_FLAGS, "-I", library]
    subprocess.run([*map(str, command), *map(str, sources), "-o", str(target)], check=True)
    return target


def run(*command: str) -> tuple[int, str]:
    """Status and output of a command."""
    done = subprocess.run(
        command, capture_output=True, timeout=60, env={**os.environ, "COLOUR": "red"}, check=False
    )
    return done.returncode, done.stdout.decode()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_case_is_as_on_the_host(program: Path, case: str, cpus: int) -> None:
    machine = [sys.executable, "-m", "mpkernel", "run", "--env", "COLOUR=red"]
    expected = run(str(program), case)
    assert run(*machine, "--cpus", str(cpus), str(program), case) == expected
