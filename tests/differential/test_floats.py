"""Programs that compute with float, double and long double: the machine prints what the host does.

Statically linked with glibc and with musl where they are there; the same bytes run on both.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("floats.c")
CASES = ("numbers", "decimals", "functions", "frames", "switches")
COMPILERS = {"glibc": "gcc", "musl": "musl-gcc"}
MACHINE = (sys.executable, "-m", "mpkernel", "run", "--cpus", "2")
#: Of busybox: applets that print and compute numbers.
COMMANDS = (
    ("seq", "0.1", "0.1", "1.5"),
    ("printf", "%f %g %e %.20f\\n", "3.25", "1e-7", "12345.678", "0.1"),
    ("awk", "BEGIN { for (i = 1; i < 30; i++) print i / 7, sqrt(i), exp(-i), log(i), int(i / 3) }"),
    ("awk", "BEGIN { for (i = 1; i < 20; i++) printf \"%.12g %.12g\\n\", sin(i), atan2(i, 3) }"),
)  # fmt: skip


@pytest.fixture(scope="module", params=COMPILERS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program, by a compiler of the host."""
    compiler = shutil.which(COMPILERS[request.param])
    if compiler is None:
        pytest.skip(f"no {COMPILERS[request.param]}")
    target = tmp_path_factory.mktemp("floats") / request.param
    flags = ("-O1", "-static", "-frounding-math", "-fno-builtin")
    subprocess.run([compiler, *flags, "-o", target, SOURCE, "-lm"], check=True)
    return target


def run(*command: str | Path) -> tuple[int, str]:
    """Status and output of a command."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, timeout=90, env=os.environ, check=False
    )
    return done.returncode, done.stdout.decode()


@pytest.mark.timeout(100)
@pytest.mark.parametrize("case", CASES)
def test_case_prints_what_the_host_prints(program: Path, case: str) -> None:
    expected = run(program, case)
    assert expected[1]
    assert run(*MACHINE, program, case) == expected


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_busybox_computes_as_on_the_host(command: tuple[str, ...]) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no busybox")
    assert run(*MACHINE, busybox, *command) == run(busybox, *command)
