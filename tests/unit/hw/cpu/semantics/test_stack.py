"""The stack and the flags register."""

import pytest

from hw.cpu.exits import PageFault, Syscall
from hw.spec.registers import RFLAGS_CF, RFLAGS_DF, RFLAGS_ZF
from tests.differential.guest import Guest
from tests.differential.host import DATA, DATA_SIZE
from tests.support import hot_code
from tests.support.run_code import results


def test_what_is_pushed_is_popped(guest: Guest):
    text = "push rax\n push bx\n push -2\n pop rdx\n pop si\n pop rdi"
    for before, after in results(guest, text):
        assert after["rdx"] == (1 << 64) - 2
        assert after["rsi"] == before["rsi"] & ~0xFFFF | before["rbx"] & 0xFFFF
        assert after["rdi"] == before["rax"]
        assert after["rsp"] == DATA + 0x800


def test_rsp_is_pushed_as_it_was_and_popped_as_it_is(guest: Guest):
    for _, after in results(guest, "push rsp\n pop rax\n push rbx\n pop rsp\n mov rdx, rsp", 3):
        assert after["rax"] == DATA + 0x800
        assert after["rdx"] == after["rbx"]


def test_a_pop_to_memory_counts_from_behind_itself(guest: Guest):
    for before, after in results(guest, "push rax\n push rbx\n pop [rsp]\n pop rdx"):
        assert after["rdx"] == before["rbx"]


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_frames(guest: Guest, depth: int):
    text = f"mov rbp, rsp\n enter 32, {depth}\n mov rax, rbp\n sub rax, rsp\n leave\n sub rsp, rbp"
    for _, after in results(guest, text, 3):
        assert after["rax"] == 32 + 8 * depth
        assert after["rbp"] == DATA + 0x800
        assert after["rsp"] == 0


def test_flags_go_to_the_stack_and_come_back(guest: Guest):
    text = "cmp rax, rbx\n pushfq\n pop rdx\n xor esi, esi\n push rdx\n popfq\n setb sil"
    for before, after in results(guest, text):
        assert after["rdx"] & RFLAGS_CF == int(before["rax"] < before["rbx"]) == after["rsi"]
        assert bool(after["rdx"] & RFLAGS_ZF) == (before["rax"] == before["rbx"])
        assert after["rdx"] & 0x202 == 0x202


def test_flags_in_ah(guest: Guest):
    for before, after in results(guest, "sahf\n lahf"):
        assert after["rax"] >> 8 & 0xFF == before["rax"] >> 8 & 0xD5 | 2


def test_single_flags(guest: Guest):
    for _, after in results(guest, "stc\n setc al\n cmc\n setc bl\n std", 3):
        assert (after["rax"] & 0xFF, after["rbx"] & 0xFF) == (1, 0)
        assert after["rflags"] & RFLAGS_DF
    hot_code.start(guest, "cld\nsyscall")
    assert guest.core.run() == Syscall()
    assert not guest.core.state.rflags & RFLAGS_DF


def test_a_push_that_faults_leaves_rsp(guest: Guest):
    hot_code.start(guest, "push rax\nsyscall", rsp=DATA)
    assert guest.core.run() == PageFault(DATA - 8, 6)
    assert guest.core.state.rsp == DATA
    hot_code.start(guest, "pop rax\nsyscall", rsp=DATA + DATA_SIZE)
    assert guest.core.run() == PageFault(DATA + DATA_SIZE, 4)
    assert guest.core.state.rsp == DATA + DATA_SIZE
