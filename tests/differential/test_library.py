"""Programs of the C library, compiled at several levels: the same output as natively.

The very same bytes: on a core alone, where system calls are answered in Python, in regions that are
compiled as soon as they can be, and by ``mpkernel run``.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.cpu.regions.record import REGIONS
from tests.differential import linux_calls
from tests.differential.elf import load
from tests.differential.guest import Guest
from tests.differential.host_features import host_has
from tests.differential.test_regions import regions

__all__ = ["regions"]

_SOURCE = Path(__file__).parent / "library.c"
_COMPILERS = {"glibc": "gcc", "musl": "musl-gcc"}
_LEVELS = {"O0": ["-O0"], "O2": ["-O2"], "O3 -msse4.2": ["-O3", "-msse4.2", "-mbmi", "-mbmi2"]}
_PROGRAMS = ("strings", "floats", "integers", "decimals")


def _compile(target: Path, library: str, level: str) -> Path:
    compiler = shutil.which(_COMPILERS[library])
    if compiler is None:
        pytest.skip(f"no {_COMPILERS[library]}")
    if level.startswith("O3") and not all(map(host_has, ("SSE4_2", "BMI1", "BMI2"))):
        pytest.skip("the host lacks what the program is compiled for")
    subprocess.run(
        [compiler, *_LEVELS[level], "-D_GNU_SOURCE", "-static", "-no-pie", "-ffp-contract=off",
         "-o", target, _SOURCE, "-lm"], check=True,
    )  # fmt: skip
    return target


@pytest.fixture(
    scope="module",
    params=[(library, level) for library in _COMPILERS for level in _LEVELS],
    ids=str,
)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _compile(tmp_path_factory.mktemp("library") / "library", *request.param)


def _native(program: Path, *arguments: str) -> bytes:
    return subprocess.run([program, *arguments], check=True, capture_output=True).stdout


def _on_core(guest: Guest, program: Path, *arguments: str) -> bytes:
    state = guest.core.state
    _, state.rip, state.rsp = load(guest, program, ["library", *arguments])
    state.rflags, state.flag_kind, state.fs_base, state.mxcsr = 0x202, 0, 0, 0x1F80
    state.gpr[2] = 0
    return linux_calls.run(guest)


@pytest.mark.parametrize("name", _PROGRAMS)
def test_output_is_that_of_the_host(guest: Guest, program: Path, name: str) -> None:
    number = str(_PROGRAMS.index(name))
    assert _on_core(guest, program, number) == _native(program, number)


@pytest.mark.parametrize("regions", ["on", "off"])
def test_the_machine_prints_what_the_host_prints(program: Path, regions: str) -> None:
    command = (sys.executable, "-m", "mpkernel", "run", "--cpus", "1", "--regions", regions)
    done = subprocess.run([*command, program], capture_output=True, timeout=90, check=False)
    assert (done.returncode, done.stdout) == (0, _native(program)), done.stderr


@pytest.mark.usefixtures("regions")
def test_output_in_regions_is_that_of_the_host(guest: Guest, tmp_path: Path) -> None:
    program = _compile(tmp_path / "library", "glibc", "O2")
    before = REGIONS.compiled.load()
    REGIONS.often = 30
    assert _on_core(guest, program) == _native(program)
    assert REGIONS.compiled.load() > before
