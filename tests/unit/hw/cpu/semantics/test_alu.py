"""Arithmetic against Python's integers."""

from collections.abc import Callable

import pytest

from hw.spec.registers import RFLAGS_CF, RFLAGS_ZF
from tests.differential.guest import Guest
from tests.differential.host import DATA
from tests.support.run_code import results

_OPERATIONS: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, _: a + b,
    "or": lambda a, b, _: a | b,
    "adc": lambda a, b, carry: a + b + carry,
    "sbb": lambda a, b, carry: a - b - carry,
    "and": lambda a, b, _: a & b,
    "sub": lambda a, b, _: a - b,
    "xor": lambda a, b, _: a ^ b,
}
_REGISTERS = {8: ("al", "bl"), 16: ("ax", "bx"), 32: ("eax", "ebx"), 64: ("rax", "rbx")}


@pytest.mark.parametrize("bits", _REGISTERS)
@pytest.mark.parametrize("name", _OPERATIONS)
def test_operations(guest: Guest, name: str, bits: int):
    left, right = _REGISTERS[bits]
    mask = (1 << bits) - 1
    for before, after in results(guest, f"{name} {left}, {right}"):
        a, b = before["rax"] & mask, before["rbx"] & mask
        exact = _OPERATIONS[name](a, b, before["rflags"] & 1)
        assert after["rax"] & mask == exact & mask
        kept = 0 if bits == 32 else before["rax"] & ~mask
        assert after["rax"] & ~mask == kept
        assert after["rflags"] & RFLAGS_CF == int(exact != exact & mask)
        assert bool(after["rflags"] & RFLAGS_ZF) == (exact & mask == 0)


@pytest.mark.parametrize("name", _OPERATIONS)
def test_memory_gets_the_result(guest: Guest, name: str):
    text = f"mov [rdi], rax\n bt r8, 0\n {name} [rdi], rbx\n setc dl\n mov rax, [rdi]"
    for before, after in results(guest, text, rdi=DATA + 0x101):
        exact = _OPERATIONS[name](before["rax"], before["rbx"], before["r8"] & 1)
        assert after["rax"] == exact & (1 << 64) - 1


def test_inc_and_dec_keep_the_carry(guest: Guest):
    for before, after in results(guest, "inc rax\n dec ebx\n not rdx\n neg rsi\n setc dil"):
        assert after["rax"] == (before["rax"] + 1) & (1 << 64) - 1
        assert after["rbx"] == (before["rbx"] - 1) & (1 << 32) - 1
        assert after["rdx"] == ~before["rdx"] & (1 << 64) - 1
        assert after["rdi"] & 0xFF == int(before["rsi"] != 0)
    for before, after in results(guest, "inc rax\n dec ebx"):
        assert (before["rflags"] ^ after["rflags"]) & RFLAGS_CF == 0


def test_comparisons_change_nothing_else(guest: Guest):
    for before, after in results(guest, "cmp rax, rbx\n setb dl\n test rax, rbx\n setz dh"):
        assert (after["rax"], after["rbx"]) == (before["rax"], before["rbx"])
        assert after["rdx"] & 0xFF == int(before["rax"] < before["rbx"])
        assert after["rdx"] >> 8 & 0xFF == int(before["rax"] & before["rbx"] == 0)
