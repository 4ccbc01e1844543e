"""Arithmetic and comparisons by lines of assembly."""

import struct

import pytest

from tests.differential.guest import Guest
from tests.support.x87_run import double_at, execute


def test_a_sum_of_all_kinds_of_operands(guest: Guest) -> None:
    data = struct.pack("<fxxxxdhxxxxxxixxxxq", 0.5, 2.25, -3, 100, 1 << 40)
    text = """fld dword ptr [rbx]\nfadd qword ptr [rbx + 8]\nfiadd word ptr [rbx + 16]
        fiadd dword ptr [rbx + 24]\nfild qword ptr [rbx + 32]\nfaddp\nfstp qword ptr [rbx + 64]"""
    state = execute(guest, text, data)
    assert double_at(guest, 64) == 0.5 + 2.25 - 3 + 100 + (1 << 40)
    assert state.fpu_tags == 0


def test_the_significand_has_64_bits(guest: Guest) -> None:
    execute(guest, "fld1\nfild qword ptr [rbx]\nfadd\nfistp qword ptr [rbx + 8]",
            struct.pack("<q", (1 << 62) + 2))  # fmt: skip
    assert struct.unpack_from("<q", guest.data(), 8) == ((1 << 62) + 3,)


@pytest.mark.parametrize(("left", "right", "bits"), [(1, 2, 0x100), (2, 1, 0), (2, 2, 0x4000)])
def test_comparison(guest: Guest, left: float, right: float, bits: int) -> None:
    text = "fld qword ptr [rbx + 8]\nfld qword ptr [rbx]\nfcompp\nfnstsw ax"
    state = execute(guest, text, struct.pack("<dd", left, right))
    assert state.rax & 0x4500 == bits


def test_an_empty_register_is_a_stack_fault(guest: Guest) -> None:
    state = execute(guest, "fadd st, st(1)")
    assert state.fpu_status & 0x7F == 0x41
    assert state.x87[1] == 0xFFFF
