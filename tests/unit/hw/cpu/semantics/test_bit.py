"""Bits, scans and counts against Python's integers."""

import pytest

from hw import ram
from hw.spec.registers import RFLAGS_CF, RFLAGS_ZF
from tests.differential.guest import DATA_FRAMES, Guest
from tests.differential.host import DATA
from tests.support.run_code import results


@pytest.mark.parametrize("bits", [32, 64])
def test_scans(guest: Guest, bits: int):
    a, b = ("eax", "edx") if bits == 32 else ("rax", "rdx")
    for name, of in (
        ("popcnt", int.bit_count),
        ("tzcnt", lambda x: (x & -x).bit_length() - 1 if x else bits),
        ("lzcnt", lambda x: bits - x.bit_length()),
    ):
        for before, after in results(guest, f"{name} {a}, {b}"):
            assert after["rax"] == of(before["rdx"] & (1 << bits) - 1)


def test_scans_of_zero_leave_the_target(guest: Guest):
    for before, after in results(guest, "bsf rax, rdx\n bsr rbx, rdx", rdx=0):
        assert (after["rax"], after["rbx"]) == (before["rax"], before["rbx"])
        assert after["rflags"] & RFLAGS_ZF


@pytest.mark.parametrize(
    ("name", "of"),
    [("bt", lambda v, m: v | 0 * m), ("bts", lambda v, m: v | m), ("btr", lambda v, m: v & ~m),
     ("btc", lambda v, m: v ^ m)],
)  # fmt: skip
def test_a_bit_of_a_register(guest: Guest, name: str, of):
    for before, after in results(guest, f"{name} rax, rdx"):
        mask = 1 << (before["rdx"] & 63)
        assert after["rax"] == of(before["rax"], mask)
        assert after["rflags"] & RFLAGS_CF == int(before["rax"] & mask != 0)


@pytest.mark.parametrize("number", [-129, -1, 0, 31, 32, 1000])
def test_a_bit_of_memory_may_be_far_away(guest: Guest, number: int):
    guest.put_data(bytes(0x2000))
    at = 0x1000 * 8 + number
    for _, after in results(guest, "bts dword ptr [rdi], edx", 1, rdi=DATA + 0x1000, rdx=number):
        assert not after["rflags"] & RFLAGS_CF
    assert ram.read(DATA_FRAMES + at // 8, 1) == bytes([1 << at % 8])
    assert int.from_bytes(guest.data(), "little").bit_count() == 1
