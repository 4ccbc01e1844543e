"""Atomic instructions do what their plain forms do, aligned or not."""

import pytest

from hw.cpu.exits import CpuException
from hw.spec.registers import RFLAGS_ZF
from tests.differential.guest import Guest
from tests.differential.host import DATA
from tests.support import hot_code
from tests.support.run_code import results


@pytest.mark.parametrize("offset", [0, 3, 0xFFD])
@pytest.mark.parametrize(
    "name", ["add", "or", "adc", "sbb", "and", "sub", "xor", "inc", "dec", "neg", "not", "xadd"]
)
def test_lock_changes_nothing_but_atomicity(guest: Guest, name: str, offset: int):
    operand = "" if name in ("inc", "dec", "neg", "not") else ", ebx"
    found = []
    for prefix in ("lock ", "nop\n "):
        text = f"mov [rdi], rax\n bt r8, 0\n {prefix}{name} dword ptr [rdi]{operand}\n setc dl"
        text = f"xor edx, edx\n {text}\n mov rax, [rdi]"
        states = results(guest, text, 8, rdi=DATA + offset, rax=77, rbx=0xFFFF_FFF0, r8=1)
        found.append([(after["rax"], after["rbx"], after["rdx"]) for _, after in states])
    assert found[0] == found[1]


def test_compare_and_exchange(guest: Guest):
    text = "mov [rdi], rdx\n lock cmpxchg [rdi], rbx\n setz sil\n mov rdx, [rdi]"
    for before, after in results(guest, text, rdi=DATA + 64):
        equal = before["rax"] == before["rdx"]
        assert after["rdx"] == (before["rbx"] if equal else before["rdx"])
        assert after["rax"] == before["rdx"]
        assert after["rsi"] & 1 == equal
    for _, after in results(guest, "mov [rdi], rax\n lock cmpxchg [rdi], rbx", rdi=DATA + 64):
        assert after["rflags"] & RFLAGS_ZF


def test_xchg_is_atomic_without_lock(guest: Guest):
    text = "mov [rdi], rax\n xchg [rdi], rbx\n mov rax, [rdi]"
    for before, after in results(guest, text, rdi=DATA + 64):
        assert (after["rax"], after["rbx"]) == (before["rbx"], before["rax"])


def test_sixteen_bytes_must_be_aligned(guest: Guest):
    hot_code.start(guest, "lock cmpxchg16b [rdi]\nsyscall", rdi=DATA + 8)
    assert guest.core.run() == CpuException(13, 0)
    assert guest.core.state.rip == hot_code.CODE
