"""Neighbours in a block become pairs where their operands allow it."""

from tests.support.decoded import names_with_pairs as names


def test_neighbours_of_the_table_are_fused() -> None:
    assert names("mov rax, rbx\nmov rcx, rdx\njmp 9f")[:2] == ["mov64_rr+mov64_rr", "mov64_rr"]


def test_the_pair_that_knows_of_a_common_register_comes_first() -> None:
    linked = names("mov rax, rbx\nadd rax, rcx\nint3")
    assert linked[0] == "mov64_rr+add64_rr:a"


def test_a_link_needs_the_register() -> None:
    assert names("mov rax, rbx\nadd rcx, rdx\nint3")[0] in ("mov64_rr", "mov64_rr+add64_rr")


def test_a_micro_op_is_in_one_pair_only() -> None:
    found = names("push rax\npush rbx\npush rcx\nint3")
    assert found[:3] == ["push64_r+push64_r", "push64_r", "push64_r"]


def test_the_ender_can_be_the_second() -> None:
    found = names("add rax, 8\ncmp rax, rdx\njne 9f")
    assert found == ["add64_ri_nf+cmp64_rr_j5:a", "cmp64_rr_j5"]
