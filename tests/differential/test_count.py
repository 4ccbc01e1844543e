"""The count of executed instructions is the one that a debugger finds on the host, step by step."""

import ctypes
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from hw.cpu.exits import Syscall
from hw.cpu.regions.record import REGIONS
from tests.differential.elf import load
from tests.differential.guest import Guest
from tests.differential.test_regions import regions

__all__ = ["regions"]

SOURCE = Path(__file__).with_name("counted.c")
ROUNDS = "60"
_TRACE_ME, _PEEK_USER, _SINGLE_STEP = 0, 3, 9
_RIP_AT = 16 * 8
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    target = tmp_path_factory.mktemp("counted") / "counted"
    flags = ("-O1", "-static", "-nostdlib", "-mgeneral-regs-only", "-fno-pie", "-no-pie",
             "-fno-stack-protector", "-fcf-protection=none")  # fmt: skip
    subprocess.run([compiler, *flags, "-o", target, SOURCE], check=True)
    return target


def steps_on_host(program: Path) -> int:
    """Instructions from the entry point to the end; a repeated one counts once."""
    child = os.fork()
    if child == 0:
        _LIBC.ptrace(_TRACE_ME, 0, None, None)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(program, [str(program), ROUNDS])
    steps = 0
    try:
        _, status = os.waitpid(child, 0)
        at = _LIBC.ptrace(_PEEK_USER, child, _RIP_AT, None)
        while os.WIFSTOPPED(status):
            assert os.WSTOPSIG(status) == signal.SIGTRAP
            _LIBC.ptrace(_SINGLE_STEP, child, None, None)
            _, status = os.waitpid(child, 0)
            before, at = at, _LIBC.ptrace(_PEEK_USER, child, _RIP_AT, None)
            steps += at != before  # a step is one turn of a repeated instruction
    finally:
        if not os.WIFEXITED(status):
            os.kill(child, signal.SIGKILL)
    assert os.WEXITSTATUS(status) == 0
    return steps


def steps_on_core(guest: Guest, program: Path) -> int:
    state = guest.core.state
    _, state.rip, state.rsp = load(guest, program, ["counted", ROUNDS])
    state.rflags, state.flag_kind = 0x202, 0
    before = state.instructions
    while True:
        assert guest.core.run() == Syscall()
        if state.rax == 60:
            return int(state.instructions - before)


@pytest.mark.usefixtures("regions")
def test_as_many_instructions_as_a_debugger_counts(guest: Guest, program: Path) -> None:
    expected = steps_on_host(program)
    assert expected > 5000
    assert steps_on_core(guest, program) == expected
    REGIONS.often = 2
    before = REGIONS.compiled.load()
    assert steps_on_core(guest, program) == expected
    assert REGIONS.compiled.load() > before
