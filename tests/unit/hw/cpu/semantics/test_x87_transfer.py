"""Loads, stores, constants, exchange, FCMOV by lines of assembly."""

import math
import struct

import pytest

from tests.differential.guest import Guest
from tests.support.x87_run import double_at, execute


def test_the_ninth_push_is_a_stack_fault(guest: Guest) -> None:
    state = execute(guest, "fld1\n" * 9)
    assert state.fpu_status & 0x27F == 0x241, "C1 says overflow"


def test_conditional_move_looks_at_flags(guest: Guest) -> None:
    text = "fldz\nfld1\nxor eax, eax\nfcmovne st, st(1)\nfcmove st, st(1)\nfstp qword ptr [rbx]"
    execute(guest, text, struct.pack("<d", 9.0))
    assert double_at(guest, 0) == 0.0


@pytest.mark.parametrize(
    ("name", "want"),
    [("fldpi", math.pi), ("fldln2", math.log(2)), ("fldl2t", math.log2(10)), ("fldz", 0.0)],
)
def test_constants(guest: Guest, name: str, want: float) -> None:
    execute(guest, f"{name}\nfstp qword ptr [rbx]", bytes(8))
    assert double_at(guest, 0) == want


def test_integers_are_cut_or_rounded(guest: Guest) -> None:
    text = "fld qword ptr [rbx]\nfist dword ptr [rbx + 8]\nfisttp dword ptr [rbx + 12]"
    execute(guest, text, struct.pack("<d", -2.75))
    assert struct.unpack_from("<ii", guest.data(), 8) == (-3, -2)


def test_decimal(guest: Guest) -> None:
    text = "fild qword ptr [rbx]\nfbstp tbyte ptr [rbx + 8]\nfbld tbyte ptr [rbx + 8]\nfxam"
    state = execute(guest, text, struct.pack("<q", -123456789))
    assert guest.data()[8:18] == bytes.fromhex("89674523010000000080")
    assert state.x87[14:] == [123456789 << 37, 0x8000 | 0x3FFF + 26]


def test_exchange(guest: Guest) -> None:
    state = execute(guest, "fldz\nfld1\nfxch")
    assert list(state.x87[12:]) == [0, 0, 1 << 63, 0x3FFF]
