"""LLVM IR under construction: conversions, basic blocks, a module's text."""

import pytest

from hw.cpu.ir import I1, I64, I128, Builder, Module, Value
from hw.cpu.subset import SubsetError


@pytest.mark.parametrize(
    ("kind", "target", "line"),
    [
        (I1, I64, "zext i1 %x to i64"), (I64, I128, "zext i64 %x to i128"),
        (I128, I64, "trunc i128 %x to i64"), (I64, I1, "icmp ne i64 %x, 0"),
    ],
)  # fmt: skip
def test_a_conversion_is_one_instruction(kind, target, line):
    builder = Builder(Module())
    assert builder.convert(Value("%x", kind), target).type == target
    assert [text.partition("= ")[2] for text in builder.lines] == [line]


def test_a_value_of_the_right_type_stays_itself():
    builder = Builder(Module())
    value = Value("%x", I64)
    assert builder.value(value) is value
    assert builder.lines == []


def test_a_known_integer_keeps_the_bits_that_fit():
    assert Builder(Module()).value(-1).name == str((1 << 64) - 1)


def test_what_is_no_integer_is_refused():
    with pytest.raises(SubsetError, match="no integer"):
        Builder(Module()).value("text")


def test_a_block_ends_once():
    builder = Builder(Module())
    builder.branch("there")
    builder.branch("elsewhere")
    builder.place("there")
    builder.branch("end")
    assert builder.lines == ["  br label %there", "there:", "  br label %end"]


def test_a_module_declares_what_it_uses_once_and_first():
    module = Module()
    module.texts.append("define void @f() { ret void }")
    for _ in range(2):
        module.declare("declare i64 @llvm.ctpop.i64(i64)")
    assert module.text().count("declare") == 1
    assert module.text().index("declare") < module.text().index("define")
