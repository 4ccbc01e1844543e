"""What the tables name is decoded, and the host's assembler knows it."""

import pytest

from hw.cpu.encodings.table import builder_for
from hw.cpu.semantics import sse_names
from hw.cpu.threaded import numbers
from tests.differential.assembly import assemble


@pytest.mark.parametrize(
    "name", [*sse_names.INTEGER, *sse_names.LATER_INTEGER, *sse_names.SHIFTS, *sse_names.FLOATS]
)
def test_a_name_is_an_instruction_of_two_registers(name: str):
    assert {f"{name}_rr", f"{name}_rm"} <= numbers().keys()
    assert assemble(f"{name} xmm1, xmm2")


def test_widening_moves_read_less_than_a_register():
    for name, bits in sse_names.WIDENING.items():
        assert bits in (16, 32, 64)
        assert builder_for(f"{name.upper()}_XMM_XMMM{bits}") is not None


def test_an_immediate_stands_before_the_operands():
    assert sse_names.with_immediate("pshufd", 0xB1) == "pshufd $$177,"


def test_what_can_be_tiny_is_arithmetic():
    assert set(sse_names.TINY) <= set(sse_names.FLOATS)
    assert set(sse_names.TINY.values()) <= {32, 64}
