"""How blocks end: fused comparisons, targets inside and outside the page."""

import pytest

from tests.support.decoded import AT, micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cmp eax, ebx\njl 9f", ["cmp32_rr_j12"]),
        ("cmp byte ptr [rbx], 7\nje 9f", ["cmp8_mi_j4"]),
        ("test rax, rax\njs 9f", ["test64_rr_j8"]),
        ("cmp eax, ebx\njo 9f", ["cmp32_rr", "j0"]),
        ("cmp eax, ebx\njl 8f", ["cmp32_rr_j12_far"]),
        ("cmp eax, ebx\nmov ecx, edx\njl 9f", ["cmp32_rr", "mov32_rr", "j12_ac"]),
        ("and eax, ebx\njs 9f", ["and32_rr", "j8_ac"]),
        ("sub eax, ebx\njs 9f", ["sub32_rr", "j8"]),
        ("add eax, ebx\njl 9f", ["add32_rr", "j12"]),
        ("jmp 9f", ["jmp"]),
        ("call 8f", ["call_far"]),
        ("jmp rax", ["jmp_r"]),
        ("call [rax + rbx * 8]", ["call_x"]),
        ("jmp [rax + 8]", ["jmp_m"]),
        ("loop 9f", ["loop64"]),
        ("loopne 9f", ["loopne64"]),
        ("jrcxz 9f", ["jcxz64"]),
        ("jecxz 9f", ["jcxz32"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_an_ender_has_both_targets():
    ender = micro_ops("jmp 9f")[-1]
    assert ender.handler == micro_ops("jmp 9f")[-1].handler
    call = micro_ops("call rax")[-1]
    assert call.imm == AT + 2


def test_ret_drops_what_its_operand_says():
    assert [op.imm for op in micro_ops("ret 24")] == [24]
