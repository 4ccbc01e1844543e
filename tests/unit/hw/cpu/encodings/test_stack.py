"""Which handlers the stack's instructions become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("push rax\npush word ptr [rbx]\npush 5\nret", ["push64_r", "push16_m", "push64_i", "ret"]),
        ("pop rax\npop ax\npop [rbx]\nret", ["pop64_r", "pop16_r", "pop64_m", "ret"]),
        ("pushfq\npopfq\nlahf\nsahf\nret", ["pushf64", "popf64", "lahf", "sahf", "ret"]),
        ("clc\nstc\ncmc\ncld\nstd\nret", ["clc", "stc", "cmc", "cld", "std", "ret"]),
        ("enter 16, 2\nleave\nret", ["enter", "leave", "ret"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_a_pop_based_on_rsp_counts_from_behind_it():
    assert micro_ops("pop [rsp + 8]\nret")[0].imm == 8
    assert micro_ops("pop [rbx + 8]\nret")[0].imm == 0


def test_enter_has_both_operands():
    op = micro_ops("enter 16, 34\nret")[0]
    assert (op.imm, op.disp) == (16, 2)
