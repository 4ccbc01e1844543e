"""Which handlers SSE and SSE2 become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paddd xmm1, xmm2\npxor xmm1, [rbx]\nret", ["paddd_rr", "pxor_rm", "ret"]),
        ("movaps xmm1, xmm2\nmovups xmm1, [rbx + rcx]\nret", ["xmm_mov_rr", "xmm_movu_rx", "ret"]),
        ("movsd xmm1, [rbx]\nmovsd xmm1, xmm2\nret", ["xmm_low64_rm", "xmm_merge64", "ret"]),
        ("movd xmm1, eax\nmovq rax, xmm1\nret", ["xmm_from32", "xmm_to64", "ret"]),
        ("movhps xmm1, [rbx]\nmovlhps xmm1, xmm2\nret", ["xmm_half1_rm", "xmm_half1_rr", "ret"]),
        ("psrld xmm1, 3\npsrldq xmm1, 16\nret", ["psrld_ri", "xmm_clear", "ret"]),
        ("cmpps xmm1, xmm2, 1\nret", ["cmpltps_rr", "ret"]),
        (
            "cvtsi2sd xmm1, rax\ncvttsd2si eax, xmm1\nret",
            ["cvtsi2sd64_rr", "cvttsd2si32_rr", "ret"],
        ),
        ("pinsrw xmm1, eax, 3\npextrw eax, xmm1, 2\nret", ["pinsrw_rr", "pextrw", "ret"]),
        ("ldmxcsr [rbx]\nstmxcsr [rbx]\nret", ["ldmxcsr", "stmxcsr", "ret"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_vector_registers_are_sixteen_apart():
    op = micro_ops("paddd xmm15, xmm3\nret")[0]
    assert (op.a, op.b) == (240, 48)


def test_elements_are_named_by_their_byte():
    assert [op.imm for op in micro_ops("pinsrw xmm1, eax, 3\npextrw eax, xmm1, 10\nret")[:2]] == [
        6,
        4,
    ]


def test_what_can_raise_shows_flags():
    assert names("add eax, ebx\naddps xmm1, xmm2\nsub eax, ecx\nret")[0] == "add32_rr"
    assert names("add eax, ebx\npaddd xmm1, xmm2\nsub eax, ecx\nret")[0] == "add32_rr_nf"
