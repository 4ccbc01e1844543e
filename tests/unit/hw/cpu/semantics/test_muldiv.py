"""Products and quotients against Python's integers."""

import pytest

from hw.cpu.exits import CpuException, Syscall
from hw.spec.registers import RFLAGS_CF
from tests.differential.guest import Guest
from tests.support import hot_code
from tests.support.run_code import results

_NAMES = {16: ("ax", "bx"), 32: ("eax", "ebx"), 64: ("rax", "rbx")}


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("bits", _NAMES)
def test_products(guest: Guest, bits: int):
    mask = (1 << bits) - 1
    for before, after in results(guest, f"mul {_NAMES[bits][1]}"):
        product = (before["rax"] & mask) * (before["rbx"] & mask)
        assert after["rax"] & mask | (after["rdx"] & mask) << bits == product
        assert after["rflags"] & RFLAGS_CF == int(product > mask)
    for before, after in results(guest, f"imul {_NAMES[bits][1]}"):
        product = _signed(before["rax"], bits) * _signed(before["rbx"], bits)
        assert after["rax"] & mask | (after["rdx"] & mask) << bits == product & (1 << 2 * bits) - 1
        assert after["rflags"] & RFLAGS_CF == int(product != _signed(product, bits))


@pytest.mark.parametrize("bits", _NAMES)
def test_the_low_half_alone(guest: Guest, bits: int):
    left, right = _NAMES[bits]
    for before, after in results(guest, f"imul {left}, {right}\n imul {right}, {right}, -7"):
        mask = (1 << bits) - 1
        assert after["rax"] & mask == before["rax"] * before["rbx"] & mask
        assert after["rbx"] & mask == before["rbx"] * -7 & mask


def test_quotients(guest: Guest):
    for before, after in results(guest, "xor edx, edx\n or rbx, 1\n div rbx"):
        quotient, rest = divmod(before["rax"], before["rbx"] | 1)
        assert (after["rax"], after["rdx"]) == (quotient, rest)
    for before, after in results(guest, "cqo\n or rbx, 2\n idiv rbx"):
        left, right = _signed(before["rax"], 64), _signed(before["rbx"] | 2, 64)
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        assert _signed(after["rax"], 64) == quotient
        assert _signed(after["rdx"], 64) == left - quotient * right


@pytest.mark.parametrize(
    ("text", "registers"),
    [
        ("div rbx", {"rbx": 0}),
        ("div rbx", {"rbx": 7, "rdx": 7}),
        ("div bl", {"rbx": 1, "rax": 256}),
        ("idiv ebx", {"rbx": (1 << 64) - 1, "rax": 1 << 31, "rdx": (1 << 64) - 1}),
    ],
)
def test_what_does_not_fit_is_a_divide_error(guest: Guest, text: str, registers: dict[str, int]):
    hot_code.start(guest, f"{text}\nsyscall", **{"rax": 5, "rdx": 0} | registers)
    assert guest.core.run() == CpuException(0, 0)
    assert guest.core.state.rip == hot_code.CODE
    assert guest.core.state.rax == registers.get("rax", 5)


def test_the_least_number_by_minus_one_fits_where_it_is_not_the_quotient(guest: Guest):
    hot_code.start(guest, "cqo\nidiv rbx\nsyscall", rax=(1 << 64) - 8, rbx=(1 << 64) - 1)
    assert guest.core.run() == Syscall()
    assert guest.core.state.rax == 8
