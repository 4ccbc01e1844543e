"""Which handlers shifts, bit instructions, multiplications and divisions become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shl eax, 3\nret", ["shl32_ri", "ret"]),
        ("sar qword ptr [rbx], 1\nret", ["sar64_mi", "ret"]),
        ("ror al, cl\nret", ["ror8_rc", "ret"]),
        ("shl eax, 32\nret", ["mov32_rr", "ret"]),
        ("shl rax, 64\nret", ["nop", "ret"]),
        ("shr word ptr [rbx], 32\nret", ["touch16", "ret"]),
        ("shld eax, ebx, 5\nshrd [rbx], rax, cl\nret", ["shld32_ri", "shrd64_mc", "ret"]),
        ("bt eax, 3\nbts [rbx], eax\nret", ["bt32_ri", "bts32_mr", "ret"]),
        ("lock btr dword ptr [rbx], 3\nret", ["lock_btr32_mi", "ret"]),
        ("bsf eax, ebx\npopcnt rax, [rbx]\nret", ["bsf32_rr", "popcnt64_rm", "ret"]),
        ("mul ebx\nidiv qword ptr [rbx]\nret", ["mul32_r", "idiv64_m", "ret"]),
        ("imul eax, ebx\nret", ["imul32_rr", "ret"]),
        ("imul eax, [rbx], 7\nret", ["imul32_rmi", "ret"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_a_count_is_masked_to_the_operands_size():
    assert micro_ops("shl eax, 35\nret")[0].imm == 3
    assert micro_ops("shl rax, 35\nret")[0].imm == 35


def test_a_shift_by_cl_may_leave_the_flags_as_they_were():
    assert names("add eax, ebx\nshl ecx, cl\nsub ecx, edx\nret")[0] == "add32_rr_nf"
    assert names("add eax, ebx\nshl ecx, cl\nadc ecx, edx\nret")[0] == "add32_rr"
    assert names("add eax, ebx\nshl ecx, 2\nadc ecx, edx\nret")[0] == "add32_rr_nf"
    assert names("add eax, ebx\nrcl ecx, 2\nsub ecx, edx\nret")[0] == "add32_rr"
