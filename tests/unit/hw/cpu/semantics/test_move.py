"""Moves against Python's integers."""

import pytest

from hw.cpu.primitives import sext
from tests.differential.guest import Guest
from tests.differential.host import DATA
from tests.support.run_code import results

_MASK64 = (1 << 64) - 1


def test_parts_of_registers(guest: Guest):
    for before, after in results(guest, "mov al, bl\n mov bx, dx\n mov esi, edi\n mov dh, 0x7f"):
        assert after["rax"] == before["rax"] & ~0xFF | before["rbx"] & 0xFF
        assert after["rbx"] == before["rbx"] & ~0xFFFF | before["rdx"] & 0xFFFF
        assert after["rsi"] == before["rdi"] & 0xFFFF_FFFF
        assert after["rdx"] == before["rdx"] & ~0xFF00 | 0x7F00


def test_extensions(guest: Guest):
    text = "movzx eax, bl\n movsx edx, bh\n movsxd rsi, ebx\n movsx di, bl"
    for before, after in results(guest, text):
        value = before["rbx"]
        assert after["rax"] == value & 0xFF
        assert after["rdx"] == sext(value >> 8 & 0xFF, 8) & 0xFFFF_FFFF
        assert after["rsi"] == sext(value & 0xFFFF_FFFF, 32)
        assert after["rdi"] == before["rdi"] & ~0xFFFF | sext(value & 0xFF, 8) & 0xFFFF


@pytest.mark.parametrize("register", ["dl", "dh"])
def test_setcc_writes_its_byte_only(guest: Guest, register: str):
    shift = 8 if register == "dh" else 0
    for before, after in results(guest, f"cmp rax, rbx\n setb {register}"):
        bit = int(before["rax"] < before["rbx"])
        assert after["rdx"] == before["rdx"] & ~(0xFF << shift) | bit << shift


def test_setcc_to_memory(guest: Guest):
    text = "mov [rdi], rdx\n cmp rax, rbx\n setg [rdi]\n mov rdx, [rdi]"
    for before, after in results(guest, text, rdi=DATA + 0xFFF):
        left, right = (x - (1 << 64) if x >> 63 else x for x in (before["rax"], before["rbx"]))
        assert after["rdx"] == before["rdx"] & ~0xFF | int(left > right)


def test_conditional_moves_clear_the_upper_half_in_any_case(guest: Guest):
    for before, after in results(guest, "cmp rax, rbx\n cmovb edx, esi\n cmovae r8, r9"):
        is_less = before["rax"] < before["rbx"]
        assert after["rdx"] == before["rsi" if is_less else "rdx"] & 0xFFFF_FFFF
        assert after["r8"] == before["r8" if is_less else "r9"]


def test_addresses_and_bytes(guest: Guest):
    text = "lea rax, [rbx + rdx * 4 - 9]\n lea esi, [ebx + edx]\n bswap rdi\n xchg r8, r9"
    for before, after in results(guest, text):
        assert after["rax"] == (before["rbx"] + 4 * before["rdx"] - 9) & _MASK64
        assert after["rsi"] == (before["rbx"] + before["rdx"]) & 0xFFFF_FFFF
        assert after["rdi"].to_bytes(8, "big") == before["rdi"].to_bytes(8, "little")
        assert (after["r8"], after["r9"]) == (before["r9"], before["r8"])


def test_signs(guest: Guest):
    for before, after in results(guest, "cdqe\n cqo"):
        assert after["rax"] == sext(before["rax"] & 0xFFFF_FFFF, 32)
        assert after["rdx"] == (_MASK64 if after["rax"] >> 63 else 0)


def test_bytes_in_reverse_order_in_memory(guest: Guest):
    text = "movbe [rdi], eax\n mov edx, [rdi]\n movbe rbx, [rdi]\n mov rsi, [rdi]"
    for before, after in results(guest, text, rdi=DATA + 5):
        assert after["rdx"].to_bytes(4, "little") == (before["rax"] & 0xFFFF_FFFF).to_bytes(
            4, "big"
        )
        assert after["rbx"].to_bytes(8, "little") == after["rsi"].to_bytes(8, "big")
