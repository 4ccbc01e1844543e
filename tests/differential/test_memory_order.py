"""Memory order between cores is x86's: litmus tests on cores that are processes.

A store buffer may be seen without a fence; that it is not, proves nothing and fails nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guests import build

SOURCE = Path(__file__).with_name("litmus.c")
BATCHES = "1000" if "MPK_LONG" in os.environ else "20"
ALLOWED = "store_buffer"
PATTERNS = 8


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("litmus") / "litmus"
    library = build.SOURCE / "lib"
    sources = [SOURCE, *sorted(library.glob("*.[cS]"))]
    command = [*build.find_compiler(), *build.COMPILE_FLAGS, *build.LINK_FLAGS, "-I", library]
    subprocess.run([*map(str, command), *map(str, sources), "-o", str(target)], check=True)
    return target


@pytest.mark.timeout(600)
@pytest.mark.parametrize("regions", ["on", pytest.param("off", marks=pytest.mark.long)])
def test_no_forbidden_outcome_is_seen(program: Path, regions: str) -> None:
    command = (sys.executable, "-m", "mpkernel", "run", "--cpus", "4", "--regions", regions)
    done = subprocess.run(
        [*command, program, BATCHES], capture_output=True, text=True, timeout=580, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = {name: int(count) for name, count, *_ in map(str.split, done.stdout.splitlines())}
    assert len(seen) == PATTERNS
    del seen[ALLOWED]
    assert set(seen.values()) == {0}, done.stdout
