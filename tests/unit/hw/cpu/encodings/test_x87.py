"""Which handlers and operands x87 encodings become."""

import pytest

from hw.cpu.decode import decode_block
from hw.cpu.encodings import x87
from hw.cpu.encodings.token import NUMBER
from hw.cpu.state import MODE_CODE_32, MODE_LEGACY
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


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        (MODE_LEGACY, "d807"),  # fadd dword ptr [bx]
        (MODE_LEGACY, "6667d803"),
        (MODE_LEGACY | MODE_CODE_32, "d803"),  # fadd dword ptr [ebx]
        (MODE_LEGACY | MODE_CODE_32, "67d807"),
    ],
)
def test_opcode_outside_64_bit_mode(mode: int, code: str) -> None:
    built = decode_block(0x1000, bytes.fromhex(code + "c3"), 16, mode=mode)
    add = next(op for op in built.ops if op[0] == NUMBER["fadd_m32fp"])
    assert add[7] == int(code[-4:-2], 16) % 8 << 8 | int(code[-2:], 16)


def test_what_is_not_claimed() -> None:
    for name in ("FSTPNCE_STI", "FSTENV_M28BYTE", "FEMMS", "FXSAVE_M512BYTE"):
        assert not x87.claimed(name)
