"""Every memory operand that x87 has, as a number."""

import struct

import pytest

from tests.differential.guest import Guest
from tests.support.x87_run import double_at, execute


@pytest.mark.parametrize(
    ("operand", "data", "want"),
    [
        ("fld dword ptr", struct.pack("<f", -1.5), -1.5),
        ("fld qword ptr", struct.pack("<d", 1e300), 1e300),
        ("fld tbyte ptr", struct.pack("<QH", 3 << 62, 0x4001), 6.0),
        ("fild word ptr", struct.pack("<h", -7), -7.0),
        ("fild dword ptr", struct.pack("<i", 1 << 30), 2.0**30),
        ("fild qword ptr", struct.pack("<q", -(1 << 62)), -(2.0**62)),
        ("fbld tbyte ptr", bytes.fromhex("42000000000000000080"), -42.0),
    ],
)
def test_operands(guest: Guest, operand: str, data: bytes, want: float) -> None:
    state = execute(guest, f"{operand} [rbx]\nfstp qword ptr [rbx + 16]", data)
    assert double_at(guest, 16) == want
    assert state.fpu_data == state.rbx + 16
