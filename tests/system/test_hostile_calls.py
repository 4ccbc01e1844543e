"""System calls with senseless arguments: every one is answered, and the kernel lives."""

import subprocess
import sys
from pathlib import Path

import pytest

from guests import build

SOURCE = Path(__file__).with_name("hostile.c")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program that makes the calls."""
    program = tmp_path_factory.mktemp("hostile") / "hostile"
    library = build.SOURCE / "lib"
    sources = [SOURCE, *sorted(library.glob("*.[cS]"))]
    command = [*build.find_compiler(), *build.COMPILE_FLAGS, *build.LINK_FLAGS, "-I", library]
    subprocess.run([*map(str, command), *map(str, sources), "-o", str(program)], check=True)
    return program


def make_calls(program: Path, seed: int, rounds: int) -> None:
    command = [sys.executable, "-m", "mpkernel", "run", "--cpus", "2", str(program)]
    done = subprocess.run(
        [*command, str(seed), str(rounds)], capture_output=True, timeout=500, check=False
    )
    said = f"{rounds} rounds, the kernel lives\n".encode()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(said), "before it may stand what the calls themselves wrote"


@pytest.mark.timeout(120)
@pytest.mark.feature("G2")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_kernel_lives(hostile: Path, seed: int) -> None:
    make_calls(hostile, seed, 60)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.feature("G2")
def test_the_kernel_lives_through_a_hundred_thousand_calls(hostile: Path) -> None:
    make_calls(hostile, 4, 2600)
