"""Which handlers and operands the later general-register encodings become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("andn eax, ebx, ecx\nret", ["andn32_rr", "ret"]),
        ("andn rax, rbx, [rcx + rdx * 2]\nret", ["ea", "andn64_rm", "ret"]),
        ("crc32 eax, bl\nret", ["crc32_8_rr", "ret"]),
        ("crc32 rax, qword ptr [rbx]\nret", ["crc32_64_rm", "ret"]),
        ("movbe eax, [rbx]\nmovbe [rbx], ax\nret", ["movbe32_rm", "movbe16_mr", "ret"]),
        ("clflush [rbx]\nret", ["probe", "ret"]),
        ("rdrand eax", ["random32"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_the_third_register_is_the_one_that_cannot_be_memory():
    andn, shlx = micro_ops("andn eax, ebx, ecx\nshlx eax, ebx, ecx\nret")[:2]
    assert (andn.b, andn.index) == (1 * 8, 3 * 8)
    assert (shlx.b, shlx.index) == (3 * 8, 1 * 8)


def test_flags_die_through_those_that_write_none():
    assert names("add eax, ebx\nshlx edx, ebx, ecx\nandn eax, ebx, ecx\nret")[0] == "add32_rr_nf"
    assert names("add eax, ebx\nadcx edx, ebx\nandn eax, ebx, ecx\nret")[0] == "add32_rr"
