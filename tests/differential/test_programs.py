"""Random programs and whole C programs against the host CPU."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from iced_x86 import Code

from hw.cpu import decode
from hw.cpu.encodings.table import builder_for
from hw.cpu.exits import Syscall
from hw.cpu.user_copy import copy_in, copy_out
from tests.differential import comparison, host, sequences
from tests.differential.elf import load
from tests.differential.guest import Guest
from tests.differential.sequences import Program

ROUNDS = 1000 if os.environ.get("MPK_LONG") else 4
SEED = int(os.environ.get("MPK_SEED", "1"))
_SOURCE = Path(__file__).parent / "programs.c"
#: Programs of programs.c, with arguments that keep each below a second.
PROGRAMS = {
    "sieve": 20000, "crc": 200000, "sha256": 300, "quicksort": 20000, "fib": 18, "bytecode": 50000,
    "wide": 20000, "strings": 500,
}  # fmt: skip


def _disagreements(
    guest: Guest, programs: list[Program], states_each: int, rng: random.Random
) -> str:
    """The first program on which the core and the host disagree, made small, and how they do."""
    work: comparison.Work = []
    for program in programs:
        case = program.case()
        work.append((case, comparison.states_for(case, states_each, rng)))
    found = comparison.failing(guest, work, oracle=False, counts=False)
    if not found:
        return ""
    slot, state, _ = found[0]

    def fails(program: Program) -> bool:
        return bool(
            comparison.failing(guest, [(program.case(), [state])], oracle=False, counts=False)
        )

    small = sequences.minimise(programs[slot], fails)
    again = comparison.failing(guest, [(small.case(), [state])], oracle=False, counts=False)
    return f"{state}\n{again[0][2]}"


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
@pytest.mark.parametrize("lengths", [(3, 20), (20, 200)])
def test_random_programs(
    guest: Guest, seed: int, lengths: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 48 * lengths[1] // 20 * 20 + 512
    monkeypatch.setattr(comparison, "_SLOT", room)
    rng = random.Random(seed)
    names = sequences.usable()
    programs = [
        sequences.make(names, rng, host.CODE, rng.randint(*lengths))
        for _ in range(4000 // lengths[1])
    ]
    assert _disagreements(guest, programs, 4, rng) == ""


def test_a_failing_program_is_made_small() -> None:
    rng = random.Random(1)
    program = sequences.make(sequences.usable(), rng, host.CODE, 40)
    culprits = {program.pieces[7], program.pieces[31]}
    small = sequences.minimise(program, lambda one: culprits <= set(one.pieces))
    assert set(small.pieces) == culprits
    assert len(small.case().code) >= sum(len(code) for _, code in culprits)


def test_a_wrong_instruction_is_found_and_its_program_made_small(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A core whose ADC forgets the carry: some program of 200 instructions shows it."""
    monkeypatch.setattr(comparison, "_SLOT", 16384)
    forgetful = builder_for("ADD_RM32_R32")
    monkeypatch.setitem(decode._BUILDERS, Code.ADC_RM32_R32, forgetful)
    rng = random.Random(SEED)
    names = sequences.usable() + 50 * ["ADC_RM32_R32"]
    programs = [sequences.make(names, rng, host.CODE, 200) for _ in range(20)]
    _, _, said = _disagreements(guest, programs, 4, rng).partition("program (")
    text, _, differences = said.partition("): ")
    assert differences
    assert "adc" in text
    assert text.count("|") < 10, text


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
