"""Where control goes, and how many instructions that counts."""

import pytest

from hw.cpu.exits import Syscall
from tests.differential.guest import Guest
from tests.differential.host import CODE
from tests.support import hot_code


def _run(guest: Guest, text: str, **registers: int) -> tuple[int, int]:
    """Rax and the instructions it took."""
    hot_code.start(guest, text, **{"rax": 0} | registers)
    end, count = hot_code.run(guest)
    assert end == Syscall()
    return guest.core.state.rax, count


@pytest.mark.parametrize("count", [1, 2, 100, 5000])
def test_loops_count_their_turns(guest: Guest, count: int):
    text = "again: add rax, 2\nloop again\nsyscall"
    assert _run(guest, text, rcx=count) == (2 * count, 2 * count + 1)


def test_loops_look_at_the_zero_flag(guest: Guest):
    text = "again: inc rax\n cmp rax, 5\n loopne again\n syscall"
    assert _run(guest, text, rcx=100) == (5, 16)
    text = "again: inc rax\n test rbx, rbx\n loope again\n syscall"
    assert _run(guest, text, rcx=7, rbx=0) == (7, 22)


def test_a_count_of_zero_is_jumped_over(guest: Guest):
    text = "jrcxz 1f\n inc rax\n 1: jecxz 2f\n add rax, 2\n 2: syscall"
    assert _run(guest, text, rcx=0) == (0, 3)
    assert _run(guest, text, rcx=1 << 32) == (1, 4)
    assert _run(guest, text, rcx=1) == (3, 5)


def test_calls_return(guest: Guest):
    text = "call f\n lea rbx, [rip + f]\n call rbx\n syscall\n f: inc rax\n ret"
    assert _run(guest, text) == (2, 8)


def test_a_return_drops_arguments(guest: Guest):
    text = "mov rax, rsp\n push 1\n push 2\n call f\n sub rax, rsp\n syscall\n f: ret 16"
    assert _run(guest, text)[0] == 0


def test_jumps_through_tables(guest: Guest):
    text = """
 lea rbx, [rip + table]
 again: jmp [rbx + rcx * 8]
 zero: inc rax
 syscall
 two: add rax, 16
 one: add rax, 4
 dec rcx
 jmp again
 .balign 8
"""
    labels = ("zero", "one", "two")
    table = "table: " + "\n".join(f".quad {CODE} + {label} - start" for label in labels)
    assert _run(guest, f"start: {text}{table}", rcx=2)[0] == 25


def test_far_and_near_targets_are_the_same_to_the_program(guest: Guest):
    text = (
        "again: dec ecx\n jmp far\n .skip 4096\n far: inc rax\n test ecx, ecx\n jnz again\n syscall"
    )
    assert _run(guest, text, rcx=3000) == (3000, 5 * 3000 + 1)
