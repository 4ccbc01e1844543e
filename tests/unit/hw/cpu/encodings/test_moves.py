"""Which handlers moves become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mov eax, ebx\nret", ["mov32_rr", "ret"]),
        ("mov al, 7\nret", ["mov8_ri", "ret"]),
        ("mov [rbx + rcx * 2 + 5], ax\nret", ["mov16_xr", "ret"]),
        ("mov dword ptr [rbx], 7\nret", ["mov32_mi", "ret"]),
        ("movnti [rbx], rax\nret", ["mov64_mr", "ret"]),
        ("movzx eax, byte ptr [rbx]\nret", ["movzx32_8_rm", "ret"]),
        ("movsxd rax, ebx\nret", ["movsx64_32_rr", "ret"]),
        ("lea eax, [rbx + rcx * 8 + 1]\nret", ["lea32_x", "ret"]),
        ("mov eax, fs:[rbx]\nret", ["ea", "mov32_rm", "ret"]),
        ("mov eax, [ebx]\nret", ["ea32", "mov32_rm", "ret"]),
        ("xchg eax, ebx\nxchg [rbx], eax\nret", ["xchg32_rr", "xchg32_m", "ret"]),
        ("bswap rax\ncwde\ncqo\nret", ["bswap64", "extend32", "sign64", "ret"]),
        ("xlatb\nret", ["movzx64_8_rr", "ea", "mov8_rm", "ret"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_conditions_after_a_comparison_need_no_flags():
    assert names("cmp eax, ebx\nsetl cl\ncmovb edx, esi\nret") == [
        "cmp32_rr", "set12_r_ac", "cmov32_2_rr_ac", "ret",
    ]  # fmt: skip
    assert names("add eax, ebx\nsetl cl\nret")[1] == "set12_r"
    assert names("cmp eax, ebx\nseto cl\nret")[1] == "set0_r"


def test_high_bytes_are_bytes_of_the_first_registers():
    op = micro_ops("mov ah, bl\nret")[0]
    assert (op.a, op.b) == (1, 3 * 8)
