"""Which handlers and operands x87 encodings become."""

import pytest

from hw.cpu.encodings import x87
from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fadd qword ptr [rbx]", "fadd_m64fp"),
        ("fisubr word ptr [rbx]", "fsubr_m16int"),
        ("fdivrp st(3), st", "fdivrp_r"),
        ("fucomip st, st(2)", "fucomip_r"),
        ("fistp qword ptr [rbx]", "fistp_m64int"),
        ("fisttp dword ptr [rbx]", "fisttp_m32int"),
        ("fbstp tbyte ptr [rbx]", "fbstp_m80bcd"),
        ("fldl2e", "fldl2e"),
        ("fcmovnbe st, st(1)", "fcmovnbe"),
        ("fnsave [rbx]", "fnsave_m108byte"),
        ("fwait", "wait"),
    ],
)
def test_handlers(text: str, expected: str) -> None:
    assert names(text + "\nret")[0] == expected


def test_operands_and_opcode() -> None:
    subtract, compare = micro_ops("fsubp st(3), st\nfcompp\nret")[:2]
    assert (subtract.a, subtract.b, subtract.imm) == (3, 0, 0x6EB)
    assert (compare.a, compare.b, compare.imm) == (0, 1, 0x6D9)


def test_what_is_not_claimed() -> None:
    for name in ("FSTPNCE_STI", "FSTENV_M28BYTE", "FEMMS", "FXSAVE_M512BYTE"):
        assert not x87.claimed(name)
