"""Far transfers in real and protected mode; tests/bare has those of long mode."""

import pytest

from hw.cpu import far_transfer
from hw.cpu.exits import CpuFault
from hw.cpu.far_return import far_return
from hw.cpu.vector_core import VectorCore


def test_call_and_return_in_real_mode(vector_core: VectorCore) -> None:
    state = vector_core.state
    state.rsp = 0x2000
    far_transfer.call(vector_core, 0x2000, 0x10, 2)
    assert (state.rip, state.rsp) == (0x20010, 0x1FFC)
    far_return(vector_core, 2, 0)
    assert (state.rip, state.cs_selector, state.rsp) == (0x1000, 0, 0x2000)


def test_protected_mode(protected: VectorCore) -> None:
    state = protected.state
    far_transfer.call(protected, 8, 0x5000, 4)
    assert (state.rip, state.rsp) == (0x5000, 0x7FF8)
    far_return(protected, 4, 8)
    assert (state.rip, state.rsp) == (0x1000, 0x8008)
    with pytest.raises(CpuFault) as caught:
        far_transfer.jump(protected, 0x10, 0)
    assert (caught.value.vector, caught.value.error) == (13, 0x10)
    assert state.rip == 0x1000
