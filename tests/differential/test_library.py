"""Programs of the C library, compiled at several levels: the same output as natively."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hw.cpu import cpuid
from tests.differential import linux_calls
from tests.differential.elf import load
from tests.differential.guest import Guest

_SOURCE = Path(__file__).parent / "library.c"
_LEVELS = {"O0": ["-O0"], "O2": ["-O2"], "O3 -msse4.2": ["-O3", "-msse4.2", "-mbmi", "-mbmi2"]}
_PROGRAMS = ("strings", "floats", "integers", "decimals")


@pytest.fixture(scope="module", params=_LEVELS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    target = tmp_path_factory.mktemp("library") / "library"
    subprocess.run(
        [compiler, *_LEVELS[request.param], "-D_GNU_SOURCE", "-static", "-no-pie",
         "-ffp-contract=off", "-o", target, _SOURCE, "-lm"], check=True,
    )  # fmt: skip
    return target


@pytest.mark.parametrize("name", _PROGRAMS)
def test_output_is_that_of_the_host(guest: Guest, program: Path, name: str) -> None:
    if name == "decimals" and "FPU" not in cpuid.FEATURES:
        pytest.skip("the core claims no x87")
    number = str(_PROGRAMS.index(name))
    want = subprocess.run([program, number], check=True, capture_output=True).stdout
    state = guest.core.state
    _, state.rip, state.rsp = load(guest, program, ["library", number])
    state.rflags, state.flag_kind, state.fs_base, state.mxcsr = 0x202, 0, 0, 0x1F80
    state.gpr[2] = 0
    assert linux_calls.run(guest) == want
