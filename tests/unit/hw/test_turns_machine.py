"""A whole machine whose schedule is that of a seed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hw.cpu import code_store
from mpkernel.abi.elf import (
    ELF_MAGIC,
    ELFCLASS64,
    ELFDATA2LSB,
    EM_X86_64,
    ET_EXEC,
    EV_CURRENT,
    PF_R,
    PF_X,
    PT_LOAD,
    ElfHeader,
    ProgramHeader,
)
from tests.differential.assembly import assemble
from tests.support.command import boot, command, mpkernel
from tests.support.source_tree import ROOT

SCRIPT = """\
primes 30 | cat &
ls /bin | cat
wait
ps
sleep 2
cat /proc/uptime
exit 5
"""


def booted(seed: int, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    done = boot(SCRIPT, "--schedule-seed", str(seed), "--timeout", "60", *arguments)
    assert done.returncode == 5, done.stderr
    return done


#: Three children write twenty letters each, with a thousand turns of a loop before each: not
#: compiled, so that every host runs the same instructions.
LETTERS = """
    mov r12d, 3
fork:
    mov eax, 57
    syscall
    test eax, eax
    jz child
    dec r12d
    jnz fork
    mov r12d, 3
wait:
    mov eax, 61
    mov edi, -1
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
    dec r12d
    jnz wait
    mov eax, 231
    mov edi, 5
    syscall
child:
    lea eax, [r12 + 64]
    push rax
    mov ebx, 20
turn:
    mov ecx, 1000
spin:
    dec ecx
    jnz spin
    mov eax, 1
    mov edi, 1
    mov rsi, rsp
    mov edx, 1
    syscall
    dec ebx
    jnz turn
    mov eax, 231
    xor edi, edi
    syscall
"""
#: What it runs: the parent (forks, waits, the exit), and each child (the fork's end, its letters).
LETTERS_INSTRUCTIONS = (1 + 3 * 6 + 1 + 3 * 8 + 3) + 3 * (2 + 3 + 20 * (1 + 2 * 1000 + 5 + 2) + 3)


def instructions(done: subprocess.CompletedProcess[bytes]) -> list[int]:
    match = re.search(rb"instructions (.*), [\d,]+ ns", done.stderr)
    assert match is not None
    return [int(count.replace(",", "")) for count in match[1].decode().split(", ")]


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose only program is LETTERS."""
    folder = tmp_path_factory.mktemp("letters")
    code, base = assemble(LETTERS), 0x40_0000
    at = ElfHeader.SIZE + ProgramHeader.SIZE
    header = ElfHeader(
        e_type=ET_EXEC, e_machine=EM_X86_64, e_version=EV_CURRENT, e_entry=base + at,
        e_phoff=ElfHeader.SIZE, e_ehsize=ElfHeader.SIZE, e_phentsize=ProgramHeader.SIZE, e_phnum=1,
    )  # fmt: skip
    identity = ELF_MAGIC + bytes([ELFCLASS64, ELFDATA2LSB, EV_CURRENT])
    header.e_ident[: len(identity)] = identity
    program = ProgramHeader(
        p_type=PT_LOAD, p_flags=PF_R | PF_X, p_vaddr=base, p_filesz=at + len(code),
        p_memsz=at + len(code), p_align=4096,
    )  # fmt: skip
    init = folder / "files/bin/init"
    init.parent.mkdir(parents=True)
    init.write_bytes(bytes(header) + bytes(program) + code)
    init.chmod(0o755)
    assert not mpkernel(
        "mkfs", folder / "disk", "--size", "4M", "--from", folder / "files"
    ).returncode
    return folder / "disk"


def test_the_same_seed_is_the_same_run():
    first, second, other = booted(7), booted(7), booted(8)
    assert first.stdout == second.stdout
    assert first.stderr == second.stderr
    assert first.stderr != other.stderr
    assert sum(count > 0 for count in instructions(first)) > 1


def under_other_conditions(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    """The command elsewhere, with a large environment, nice, on one CPU of the host."""
    environment = {f"NOISE_{number}": "x" * number for number in range(500)}
    wrappers = []
    if shutil.which("taskset"):
        wrappers += ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
    return subprocess.run(
        [*wrappers, "nice", "-n", "5", *command(*arguments)], cwd=folder, input=SCRIPT.encode(),
        capture_output=True, timeout=100, check=False,
        env={**os.environ, **environment, "PYTHONHASHSEED": "123", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_the_same_seed_is_the_same_run_under_all_conditions(tmp_path: Path):
    here = booted(7)
    there = under_other_conditions(tmp_path, "boot", "--schedule-seed", "7")
    assert (there.stdout, there.stderr) == (here.stdout, here.stderr)


def test_every_host_counts_the_same_instructions_and_each_seed_has_an_order(letters: Path):
    arguments = ("boot", "--root", letters, "--init", "/bin/init", "--cpus", "3")
    runs = [mpkernel(*arguments, "--schedule-seed", str(seed)) for seed in (0, 1, 2, 1)]
    for done in runs:
        assert done.returncode == 5, done.stderr
        assert sorted(done.stdout) == sorted(b"ABC" * 20)
        assert sum(instructions(done)) == LETTERS_INSTRUCTIONS
    assert len({done.stdout for done in runs}) == 3
    assert (runs[1].stdout, runs[1].stderr) == (runs[3].stdout, runs[3].stderr)


def test_no_decoded_code_comes_from_a_store_or_goes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(code_store.VARIABLE, str(tmp_path / "code"))
    boot("exit 0\n", "--schedule-seed", "1", "--cpus", "1")
    assert not (tmp_path / "code").exists()
    boot("exit 0\n", "--cpus", "1")
    assert list((tmp_path / "code").iterdir())


def test_time_is_virtual():
    uptime = re.search(rb"^(\d+)\.(\d\d) ", booted(1, "--cpus", "2").stdout, re.M)
    assert uptime is not None
    assert 200 <= int(uptime[1] + uptime[2]) <= 210


def test_programs_see_what_they_see_elsewhere():
    script = "primes 40; ls /; cat /proc/1/comm; exit 0\n"
    elsewhere = boot(script, "--cpus", "2")
    here = boot(script, "--cpus", "2", "--schedule-seed", "3")
    assert here.stdout == elsewhere.stdout
    assert here.returncode == elsewhere.returncode == 0


@pytest.mark.long
def test_many_seeds(letters: Path):
    for seed in range(40):
        booted(seed, "--cpus", "4")
    orders = {
        mpkernel(
            "boot",
            "--root",
            letters,
            "--init",
            "/bin/init",
            "--cpus",
            "4",
            "--schedule-seed",
            str(n),
        ).stdout
        for n in range(40)
    }
    assert len(orders) == 40
