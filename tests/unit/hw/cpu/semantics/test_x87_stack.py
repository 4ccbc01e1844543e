"""The register stack in plain Python: TOP, tags, exceptions that are masked or not."""

from hw.cpu.semantics import x87_stack
from hw.cpu.semantics.x87_stack import BUSY, EARLY, SUMMARY
from hw.cpu.softfloat.number import DENORMAL, INEXACT, INVALID, OVERFLOW, ROUNDED_UP
from hw.cpu.state import CpuState


def test_push_and_pop() -> None:
    s = CpuState()
    x87_stack.push(s, 0x3FFF, 1 << 63)
    x87_stack.push(s, 0x4000, 3 << 62)
    assert (x87_stack.top(s), s.fpu_tags) == (6, 0b1100_0000)
    assert x87_stack.read(s, 0) == (0x4000, 3 << 62)
    assert x87_stack.read(s, 1) == (0x3FFF, 1 << 63)
    x87_stack.pop(s)
    assert x87_stack.is_empty(s, 7)
    assert not x87_stack.is_empty(s, 0)
    assert list(s.x87[14:]) == [1 << 63, 0x3FFF]


def test_masked_exceptions_stick() -> None:
    s = CpuState()
    s.fpu_control = 0x37F
    assert x87_stack.settle(s, INEXACT | ROUNDED_UP, EARLY)
    assert s.fpu_status == INEXACT | ROUNDED_UP
    assert x87_stack.settle(s, 0, EARLY)
    assert s.fpu_status == INEXACT, "C1 is of the last instruction"


def test_an_operand_exception_hides_those_of_the_result() -> None:
    s = CpuState()
    s.fpu_control = 0x37F & ~DENORMAL
    assert not x87_stack.settle(s, DENORMAL | INEXACT | OVERFLOW, EARLY)
    assert s.fpu_status == DENORMAL | SUMMARY | BUSY
    s.fpu_status, s.fpu_control = 0, 0x37F & ~OVERFLOW
    assert x87_stack.settle(s, OVERFLOW | INEXACT, EARLY), "a register takes the moved result"
    assert not x87_stack.settle(s, OVERFLOW, EARLY | OVERFLOW)
    assert not s.fpu_status & INVALID
