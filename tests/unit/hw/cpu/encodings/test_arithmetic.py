"""Which handlers additions, comparisons and logic become, and whose flags are needed."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add eax, ebx\nret", ["add32_rr", "ret"]),
        ("sub ax, [rbx]\nret", ["sub16_rm", "ret"]),
        ("xor rax, [rbx + rcx * 4]\nret", ["xor64_rx", "ret"]),
        ("xor al, [rbx + rcx * 4]\nret", ["ea", "xor8_rm", "ret"]),
        ("and [rbx], ecx\nret", ["and32_mr", "ret"]),
        ("or byte ptr [rbx], 3\nret", ["or8_mi", "ret"]),
        ("lock add [rbx], ecx\nret", ["lock_add32_mr", "ret"]),
        ("lock sub dword ptr [rbx], 3\nret", ["lock_sub32_mi", "ret"]),
        ("inc rax\nneg byte ptr [rbx]\nret", ["inc64_r", "neg8_m", "ret"]),
        ("lock not dword ptr [rbx]\nret", ["lock_not32_m", "ret"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_flags_that_are_overwritten_are_not_computed():
    assert names("add eax, ebx\nsub ecx, edx\nret")[:2] == ["add32_rr_nf", "sub32_rr"]
    assert names("inc eax\nsub ecx, edx\nret")[0] == "inc32_r_nf"


def test_flags_that_a_fault_can_show_are():
    assert names("add eax, ebx\nsub ecx, [rdx]\nret")[0] == "add32_rr"
    assert names("add eax, ebx\nadc ecx, edx\nret")[0] == "add32_rr"


def test_not_leaves_the_flags_alone():
    assert names("add eax, ebx\nnot ecx\nsub ecx, edx\nret")[0] == "add32_rr_nf"


def test_an_immediate_is_extended_by_its_sign():
    assert micro_ops("add rax, -2\nret")[0].imm == (1 << 64) - 2
