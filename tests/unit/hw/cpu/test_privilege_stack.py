"""Stacks: wrap-around, limits, what a failed push leaves, the inner stack of a TSS."""

import pytest

from hw import ram
from hw.cpu import segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.privilege_stack import Stack, inner_stack
from hw.cpu.vector_core import VectorCore


def test_sixteen_bits_wrap(vector_core: VectorCore) -> None:
    vector_core.state.rsp = 0x5_0000
    stack = Stack.current(vector_core)
    stack.push(0x1234, 2)
    stack.commit()
    assert vector_core.state.rsp == 0x5_FFFE
    assert ram.read(0xFFFE, 2) == bytes.fromhex("3412")
    assert Stack.current(vector_core).pop(2) == 0x1234


def test_push_beyond_the_limit_moves_nothing(protected: VectorCore) -> None:
    protected.state.ss_limit = 0xFFF
    protected.state.rsp = 0x1002
    stack = Stack.current(protected)
    with pytest.raises(CpuFault, match="vector 12"):
        stack.push(1, 4)
    assert stack.top == protected.state.rsp == 0x1002


def test_inner_stack_of_a_tss(protected: VectorCore) -> None:
    segmentation.load_tr(protected, 0x40)
    ram.write(0x5004, (0x7000).to_bytes(4, "little") + (0x10).to_bytes(4, "little"))
    stack = inner_stack(protected, None, 0)
    stack.push(5, 4)
    assert protected.state.rsp == 0x8000
    stack.commit()
    assert (protected.state.rsp, protected.state.ss_selector) == (0x6FFC, 0x10)


def test_no_tss_no_inner_stack(protected: VectorCore) -> None:
    protected.state.tr_attributes = 0
    with pytest.raises(CpuFault, match="vector 10"):
        inner_stack(protected, None, 0)
