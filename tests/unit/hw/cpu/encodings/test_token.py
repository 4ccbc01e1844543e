"""Names of encodings, taken apart."""

import pytest

from hw.cpu.block_builder import BlockBuilder
from hw.cpu.encodings.token import NUMBER, bits_of, ender, simple, two_forms


@pytest.mark.parametrize(
    ("token", "bits"), [("RM32", 32), ("IMM8", 8), ("M64", 64), ("AL", 8), ("RAX", 64), ("CL", 8)]
)
def test_sizes(token: str, bits: int):
    assert bits_of(token) == bits


def test_the_indexed_form_is_taken_where_there_is_one():
    assert two_forms("add32_r?") == (NUMBER["add32_rm"], NUMBER["add32_rx"], True)
    assert two_forms("add16_r?") == (NUMBER["add16_rm"], NUMBER["add16_rm"], False)


def test_an_ender_ends_its_block_and_a_simple_one_does_not():
    built = BlockBuilder(0x40_0000)
    built.next_rip = 0x40_0002
    simple("nop")("nop", [])(built, None)
    assert not built.ended
    ender("syscall")("syscall", [])(built, None)
    assert built.ended
    assert [op[0] for op in built.ops] == [NUMBER["nop"], NUMBER["syscall"]]
    assert built.ops[-1][7] == 0x40_0002
