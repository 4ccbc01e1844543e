"""What belongs to one task stays its own: registers, segment bases, address space, time.

The same program on the machine and on the host's kernel; the host's shows that it tells the truth.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from guests import build

SOURCE = Path(__file__).with_name("tasks.c")
LONG = "MPK_LONG" in os.environ
#: Case, rounds of it, rows that it proves. Sixteen tasks make 14 switches a round, and some more.
CASES = [
    pytest.param("switches", 720 if LONG else 60, marks=pytest.mark.feature("F7", "G6")),
    pytest.param("bases", 2000 if LONG else 60, marks=pytest.mark.feature("G6")),
    pytest.param("spaces", 20 if LONG else 2, marks=pytest.mark.feature("D15")),
    pytest.param("clock", 1000 if LONG else 60, marks=pytest.mark.feature("C4")),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program, compiled with the user programs' library."""
    target = tmp_path_factory.mktemp("tasks") / "tasks"
    library = build.SOURCE / "lib"
    sources = [SOURCE, *sorted(library.glob("*.[cS]"))]
    command = [*build.find_compiler(), *build.COMPILE_FLAGS, *build.LINK_FLAGS, "-I", library]
    subprocess.run([*map(str, command), *map(str, sources), "-o", str(target)], check=True)
    return target


def run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(list(map(str, command)), capture_output=True, timeout=110, check=False)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("case", "rounds"), CASES)
def test_what_is_a_tasks_own_stays_its_own(program: Path, case: str, rounds: int) -> None:
    native = run(program, case, str(rounds))
    assert native.stdout.startswith(b"0 ")
    machine = (sys.executable, "-m", "mpkernel", "run", "--cpus", "2")
    done = run(*machine, program, case, str(rounds))
    assert (done.returncode, done.stdout) == (0, native.stdout), done.stderr


@pytest.mark.feature("FIX-4", "F7")
def test_each_kernel_entry_finds_the_registers_of_the_current_task(program: Path) -> None:
    machine = (sys.executable, "-m", "tests.support.owner_machine")
    done = run(*machine, "2", program, "owners", "100")
    assert (done.returncode, done.stdout) == (0, b"0 of 8 tasks lost r15\n"), done.stderr
    found = re.search(rb"(\d+) entries checked", done.stderr)
    assert found is not None
    assert int(found[1]) > 50
    spoiled = run(*machine, "--forget", "2", program, "owners", "100")
    assert spoiled.returncode == 70
    assert b"came with the registers of" in spoiled.stderr
