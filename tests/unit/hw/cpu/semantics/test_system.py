"""Instructions that leave native code, and those that read the machine's time."""

import pytest

from hw.cpu.exits import CpuException, Exit, IllegalInstruction, Syscall
from tests.differential.guest import Guest
from tests.differential.host import CODE
from tests.support import hot_code


@pytest.mark.parametrize(
    ("text", "end", "rip"),
    [
        ("syscall", Syscall(), CODE + 2),
        ("nop\nint3", CpuException(3, 0), CODE + 2),
        ("nop\nud2", IllegalInstruction("ud2", CODE + 1), CODE + 1),
        ("nop\nhlt", CpuException(13, 0), CODE + 1),
    ],
)
def test_ends(guest: Guest, text: str, end: Exit, rip: int):
    hot_code.start(guest, text)
    assert guest.core.run() == end
    assert guest.core.state.rip == rip


def test_syscall_leaves_where_it_was_and_its_flags(guest: Guest):
    hot_code.start(guest, "stc\nsyscall")
    assert hot_code.run(guest) == (Syscall(), 2)
    state = guest.core.state
    assert (state.rcx, state.r11) == (state.rip, state.rflags)
    assert state.r11 & 1


def test_time_goes_on(guest: Guest):
    text = "rdtsc\n mov ebx, eax\n mov esi, edx\n rdtscp\n syscall"
    hot_code.start(guest, text)
    state = guest.core.state
    state.tsc_aux = 7
    before = 0
    for _ in range(20):
        hot_code.point(guest)
        assert guest.core.run() == Syscall()
        first = state.rsi << 32 | state.rbx
        second = state.rdx << 32 | state.rax
        assert before < first < second
        before = second


def test_fences_and_nothing_change_nothing(guest: Guest):
    hot_code.start(guest, "nop\nmfence\nlfence\nsfence\npause\nsyscall", rax=5)
    assert hot_code.run(guest) == (Syscall(), 6)
    assert guest.core.state.rax == 5


def test_cpuid_is_one_instruction(guest: Guest):
    hot_code.start(guest, "cpuid\nsyscall", rax=0)
    assert hot_code.run(guest) == (Syscall(), 2)
    state = guest.core.state
    name = b"".join(word.to_bytes(4, "little") for word in (state.rbx, state.rdx))
    assert name == b"AuthenticAMD"[:8]
