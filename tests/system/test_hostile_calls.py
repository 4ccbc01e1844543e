"""System calls with senseless arguments: every one is answered, and the kernel lives."""

import subprocess
import sys
from pathlib import Path

import pytest

from guests import build

SOURCE = Path(__file__).with_name("hostile.c")


@pytest.mark.timeout(120)
@pytest.mark.feature("G2")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_kernel_lives(tmp_path: Path, seed: int) -> None:
    program = tmp_path / "hostile"
    library = build.SOURCE / "lib"
    sources = [SOURCE, *sorted(library.glob("*.[cS]"))]
    command = [*build.find_compiler(), *build.COMPILE_FLAGS, *build.LINK_FLAGS, "-I", library]
    subprocess.run([*map(str, command), *map(str, sources), "-o", str(program)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "mpkernel", "run", "--cpus", "2", str(program), str(seed), "60"],
        capture_output=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"60 rounds, the kernel lives\n"), done.stderr
