"""Decoding: which handlers are chosen, where flags die, where blocks end."""

import pytest

from hw.cpu.decode import MAX_INSTRUCTIONS, NeedsMoreBytesError, decode_block, text_of
from hw.cpu.micro_op import SLOT, MicroOp
from hw.cpu.threaded import handler_list
from tests.differential.assembly import assemble

_AT = 0x40_0000


def names(text: str, at: int = _AT) -> list[str]:
    """Names of the handlers that a block is made of."""
    code = assemble(text + "\n.skip 16\n9:\n.skip 8192\n8:")
    built = decode_block(at, code[: 4096 - (at & 0xFFF)], 4096 - (at & 0xFFF))
    data = built.finish()
    count = len(data) // SLOT - 1
    return [
        handler_list()[MicroOp.from_buffer_copy(data[k * SLOT :] + bytes(64)).handler].name
        for k in range(count)
    ]


def test_dead_flags_are_not_written() -> None:
    assert names("add eax, ebx\nsub ecx, 1\nret") == ["add32_rr_nf", "sub32_ri", "ret"]


def test_memory_access_keeps_flags_alive() -> None:
    text = "add eax, ebx\nmov edx, [rsi]\nsub ecx, 1\nret"
    assert names(text) == ["add32_rr", "mov32_rm", "sub32_ri", "ret"]


def test_reader_keeps_flags_alive() -> None:
    assert names("add eax, ebx\nadc ecx, 0\nret")[0] == "add32_rr"
    assert names("add eax, ebx\nsete cl\ncmp eax, 1\nret")[:2] == ["add32_rr", "set4_r"]


def test_partial_writers_do_not_kill_flags() -> None:
    assert names("add eax, ebx\ninc ecx\nret")[:2] == ["add32_rr", "inc32_r"]
    assert names("add eax, ebx\nshl ecx, cl\njc 9f")[0] == "add32_rr"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("cmp eax, ebx\njl 9f", "cmp32_rr_j12"),
        ("test rax, rax\nje 9f", "test64_rr_j4"),
        ("cmp byte ptr [rdi], 3\njne 9f", "cmp8_mi_j5"),
        ("cmp eax, ebx\njo 9f", "j0"),
        ("sub eax, ebx\njb 9f", "j2_ac"),
        ("and eax, ebx\njs 9f", "j8_ac"),
        ("cmp eax, ebx\ncmovl ecx, edx\nret", "ret"),
        ("cmp eax, ebx\nje 8f", "cmp32_rr_j4_far"),
    ],
)
def test_comparison_and_jump_fuse(text: str, last: str) -> None:
    assert names(text)[-1] == last


def test_condition_after_compare_needs_no_flags() -> None:
    assert names("cmp eax, ebx\ncmovl ecx, edx\nret")[1] == "cmov32_12_rr_ac"
    assert names("cmp eax, ebx\ninc esi\ncmovl ecx, edx\nret")[2] == "cmov32_12_rr"


def test_segment_and_narrow_addresses_get_a_micro_op() -> None:
    assert names("mov eax, fs:[0x28]\nret") == ["ea", "mov32_rm", "ret"]
    assert names("mov eax, [ebx + 4]\nret") == ["ea32", "mov32_rm", "ret"]
    assert names("lea rax, fs:[rbx + 4]\nret") == ["lea64_m", "ret"]


def test_blocks_end_at_their_maximum_and_at_the_page() -> None:
    many = "nop\n" * 200
    assert len(names(many)) == MAX_INSTRUCTIONS + 1
    assert names(many)[-1] == "jmp"
    near_end = names(many, _AT + 4096 - 5)
    assert near_end == ["nop"] * 5 + ["jmp_far"]


def test_straddling_instruction_is_left_to_a_block_of_its_own() -> None:
    code = assemble("nop\nmov rax, 0x1122334455667788")
    built = decode_block(_AT + 4096 - 4, code[:4], 4)
    assert built.position == 1
    with pytest.raises(NeedsMoreBytesError):
        decode_block(_AT + 4096 - 3, code[1:4], 3)
    alone = decode_block(_AT + 4096 - 3, code[1:] + b"\x90" * 8, 3)
    assert (alone.position, alone.single_page) == (1, False)


def test_absent_instruction_ends_the_block() -> None:
    assert names("nop\nvzeroupper\nnop") == ["nop", "illegal"]


def test_text_of_an_instruction():
    assert text_of(bytes.fromhex("4801d8"), 0x1000) == "add rax, rbx"
    assert text_of(bytes.fromhex("06"), 0x1000) == "(bad)"
