"""Shifts and rotates against Python's integers."""

import pytest

from hw.spec.registers import RFLAGS_CF
from tests.differential.guest import Guest
from tests.differential.host import DATA
from tests.support.run_code import results

_NAMES = {8: "bl", 16: "bx", 32: "ebx", 64: "rbx"}


def _shifted(name: str, value: int, count: int, bits: int) -> int:
    """By a count below the size; what is above ``bits`` does not matter."""
    signed = value - (1 << bits) if value >> (bits - 1) else value
    results = {
        "shl": value << count,
        "shr": value >> count,
        "sar": signed >> count,
        "rol": value << count | value >> (bits - count),
        "ror": value >> count | value << (bits - count),
    }
    return results[name]


@pytest.mark.parametrize("bits", _NAMES)
@pytest.mark.parametrize("name", ["shl", "shr", "sar", "rol", "ror"])
def test_by_every_count(guest: Guest, name: str, bits: int):
    mask = (1 << bits) - 1
    for count in range(bits):
        for before, after in results(guest, f"{name} {_NAMES[bits]}, cl", 3, rcx=count):
            value = before["rbx"] & mask
            assert after["rbx"] & mask == _shifted(name, value, count, bits) & mask
            if count == 0:
                assert after["rflags"] == before["rflags"]


@pytest.mark.parametrize("bits", [32, 64])
def test_counts_are_masked(guest: Guest, bits: int):
    for before, after in results(guest, f"shl {_NAMES[bits]}, cl", 5, rcx=bits + 3):
        assert after["rbx"] == before["rbx"] << 3 & (1 << bits) - 1


@pytest.mark.parametrize("bits", _NAMES)
@pytest.mark.parametrize("name", ["rcl", "rcr"])
def test_through_carry(guest: Guest, name: str, bits: int):
    whole = (1 << bits + 1) - 1
    for count in (1, 3, bits - 1):
        for before, after in results(guest, f"{name} {_NAMES[bits]}, {count}", 5):
            value = before["rbx"] & whole >> 1 | (before["rflags"] & 1) << bits
            n = count if name == "rcl" else bits + 1 - count
            turned = (value << n | value >> (bits + 1 - n)) & whole
            assert after["rbx"] & whole >> 1 == turned & whole >> 1
            assert after["rflags"] & RFLAGS_CF == turned >> bits


@pytest.mark.parametrize("count", [1, 7, 31, 63])
def test_double(guest: Guest, count: int):
    for before, after in results(guest, f"shld rax, rbx, {count}\n shrd rdx, rsi, {count}"):
        joined = before["rax"] << 64 | before["rbx"]
        assert after["rax"] == joined << count >> 64 & (1 << 64) - 1
        assert after["rdx"] == (before["rsi"] << 64 | before["rdx"]) >> count & (1 << 64) - 1


def test_memory(guest: Guest):
    text = "mov [rdi], rax\n ror dword ptr [rdi], 8\n mov rax, [rdi]"
    for before, after in results(guest, text, rdi=DATA + 0xFFE):
        low = before["rax"] & 0xFFFF_FFFF
        assert after["rax"] == before["rax"] >> 32 << 32 | low >> 8 | (low & 0xFF) << 24
