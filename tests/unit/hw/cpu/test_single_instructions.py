"""What run() does about single instructions: absent, traced, alone, by Python."""

import pytest

from hw.cpu.exits import CpuException, IllegalInstruction, PageFault, Syscall
from hw.spec.registers import RFLAGS_TF
from hw.spec.vectors import DEBUG, GENERAL_PROTECTION, STACK
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA
from tests.unit.hw.cpu.test_core import start


def test_an_absent_instruction_is_named_with_its_operands(guest: Guest) -> None:
    core = start(guest, "vaddps ymm3, ymm4, [rdi]")
    assert core.run() == IllegalInstruction("vaddps ymm3, ymm4, [rdi]", CODE)


def test_bytes_that_are_no_instruction_are_said_to_be_bad(guest: Guest) -> None:
    core = start(guest, "nop")
    guest.put_code(0, bytes.fromhex("c4 ff ff ff ff ff"))
    assert core.run() == IllegalInstruction("(bad)", CODE)


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        ("mov eax, [rbx]", GENERAL_PROTECTION),
        ("mov eax, [rbp]", STACK),
        ("hlt", GENERAL_PROTECTION),
    ],
)
def test_a_refused_instruction_did_nothing(guest: Guest, text: str, vector: int) -> None:
    core = start(guest, text)
    core.state.rbx = core.state.rbp = 1 << 63
    before = core.state.instructions
    assert core.run() == CpuException(vector, 0)
    assert core.state.rip == CODE
    assert core.state.instructions == before


def test_a_traced_instruction_is_done_and_then_reported(guest: Guest) -> None:
    core = start(guest, "mov eax, 7\nmov ebx, 8")
    core.state.rflags |= RFLAGS_TF
    assert core.run() == CpuException(DEBUG, 0)
    assert (core.state.rax, core.state.rip) == (7, CODE + 5)
    assert core.state.rflags & RFLAGS_TF


def test_a_traced_fault_comes_before_the_trace(guest: Guest) -> None:
    core = start(guest, "mov eax, [rdi]")
    core.state.rdi = 0x1000
    core.state.rflags |= RFLAGS_TF
    assert core.run() == PageFault(0x1000, 4)
    assert core.state.rip == CODE


def test_a_lock_over_two_pages_runs_alone_and_exactly_once(guest: Guest) -> None:
    core = start(guest, "lock add dword ptr [rdi], 5\nsyscall")
    core.state.rdi = DATA + 4094
    guest.put_data(bytes(8192))
    before = core.state.instructions
    assert core.run() == Syscall()
    assert guest.data()[4094:4098] == (5).to_bytes(4, "little")
    assert core.state.instructions == before + 2
