"""Random programs and whole C programs against the host CPU."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from hw.cpu.exits import Syscall
from hw.cpu.user_copy import copy_in, copy_out
from tests.differential import comparison, host, sequences
from tests.differential.elf import load
from tests.differential.guest import Guest

ROUNDS = 40 if os.environ.get("MPK_LONG") else 2
SEED = int(os.environ.get("MPKSEED", "1"))
_SOURCE = Path(__file__).parent / "programs.c"
#: Programs of programs.c, with arguments that keep each below a second.
PROGRAMS = {
    "sieve": 20000, "crc": 200000, "sha256": 300, "quicksort": 20000, "fib": 18, "bytecode": 50000,
    "wide": 20000, "strings": 500,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_random_programs(guest: Guest, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_SLOT", 512)
    rng = random.Random(seed)
    names = sequences.usable()
    work: comparison.Work = []
    while len(work) < 200:
        case = sequences.make(names, rng, host.CODE + len(work) * 512, rng.randint(3, 20))
        if len(case.code) < 480:
            work.append((case, comparison.states_for(case, 4, rng)))
    lines = comparison.failures(guest, work, oracle=False)
    assert [line for line in lines if "; " in line or not line.endswith("counted")] == []


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    target = tmp_path_factory.mktemp("programs") / "programs"
    subprocess.run(
        [compiler, "-O2", "-static", "-nostdlib", "-mgeneral-regs-only", "-fno-pie", "-no-pie",
         "-fno-stack-protector", "-fno-tree-loop-distribute-patterns",
         "-o", target, _SOURCE], check=True,
    )  # fmt: skip
    return target


def check_program(guest: Guest, programs: Path, name: str) -> int:
    """Run a program natively and on the core, compare what it writes; the instructions it took."""
    arguments = [str(list(PROGRAMS).index(name)), str(PROGRAMS[name])]
    want = subprocess.run([programs, *arguments], check=True, capture_output=True).stdout
    state = guest.core.state
    cr3, state.rip, state.rsp = load(guest, programs, ["programs", *arguments])
    state.rflags, state.flag_kind = 0x202, 0
    before = state.instructions
    written = b""
    while True:
        assert guest.core.run() == Syscall()
        if state.rax == 60:
            break
        assert state.rax == 1
        written += copy_in(cr3, state.rsi, state.rdx)
    assert written == want
    assert copy_out(cr3, 0x1000, b"nothing is mapped there") == 0
    return state.instructions - before


@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_program(guest: Guest, programs: Path, name: str) -> None:
    check_program(guest, programs, name)
