"""Transcendental instructions: results to a double's digits, C2, the stack."""

import math
import struct

import pytest

from tests.differential.guest import Guest
from tests.support.x87_run import double_at, execute

_STORE = "\nfstp qword ptr [rbx + 16]"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("fsin", math.sin(1.25)),
        ("fcos", math.cos(1.25)),
        ("fptan\nfstp st(0)", math.tan(1.25)),
        ("fld1\nfpatan", math.atan2(1.25, 1)),
        ("fld1\nfxch\nfyl2x", math.log2(1.25)),
        ("fld qword ptr [rbx + 8]\nfxch\nfstp st(0)\nf2xm1", 2**-0.5 - 1),
        ("fld1\nfld qword ptr [rbx + 32]\nfyl2xp1", math.log2(1.125)),
    ],
)
def test_functions(guest: Guest, text: str, want: float) -> None:
    data = struct.pack("<ddddd", 1.25, -0.5, 0, 0, 0.125)
    execute(guest, f"fld qword ptr [rbx]\n{text}{_STORE}", data)
    assert double_at(guest, 16) == pytest.approx(want, rel=1e-15)


def test_sine_and_cosine_at_once(guest: Guest) -> None:
    text = "fld1\nfsincos\nfstp qword ptr [rbx]\nfstp qword ptr [rbx + 8]"
    state = execute(guest, text)
    assert (double_at(guest, 0), double_at(guest, 8)) == (math.cos(1), math.sin(1))
    assert state.fpu_tags == 0


def test_out_of_range_is_left_alone(guest: Guest) -> None:
    state = execute(guest, "fld qword ptr [rbx]\nfsin", struct.pack("<d", 2.0**63))
    assert state.fpu_status & 0x400
    assert list(state.x87[14:]) == [1 << 63, 0x3FFF + 63]
