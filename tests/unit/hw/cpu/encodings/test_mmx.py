"""Which handlers and operands MMX encodings become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paddb mm1, mm2", "mm_paddb_rr"),
        ("punpcklwd mm1, dword ptr [rbx]", "mm_punpcklwd_rm"),
        ("psllq mm1, 5", "mm_psllq_ri"),
        ("movd mm1, eax", "mm_from32"),
        ("movq rax, mm1", "mm_to64"),
        ("movq mm1, [rbx + rcx * 8]", "mm_mov64_rx"),
        ("movntq [rbx], mm1", "mm_mov64_mr"),
        ("cvtpi2ps xmm1, mm2", "mm_cvtpi2ps_rr"),
        ("movdq2q mm1, xmm9", "movdq2q"),
        ("emms", "emms"),
    ],
)
def test_handlers(text: str, expected: str) -> None:
    assert names(text + "\nret")[0] == expected


def test_operands() -> None:
    (move,) = micro_ops("movdq2q mm1, xmm9\nret")[:1]
    assert (move.a, move.b) == (1 * 16, 9 * 16)
    (insert,) = micro_ops("pinsrw mm1, ecx, 7\nret")[:1]
    assert (insert.a, insert.b, insert.imm) == (16, 8, 3)
