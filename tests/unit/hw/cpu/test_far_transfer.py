"""Far transfers in real and protected mode; tests/bare has those of long mode."""

import pytest

from hw.cpu import far_transfer, mode
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import EFER_LMA, EFER_SCE


def test_call_and_return_in_real_mode(vector_core: VectorCore) -> None:
    state = vector_core.state
    state.rsp = 0x2000
    far_transfer.call(vector_core, 0x2000, 0x10, 2)
    assert (state.rip, state.rsp) == (0x20010, 0x1FFC)
    far_transfer.far_return(vector_core, 2, 0)
    assert (state.rip, state.cs_selector, state.rsp) == (0x1000, 0, 0x2000)


def test_protected_mode(protected: VectorCore) -> None:
    state = protected.state
    far_transfer.call(protected, 8, 0x5000, 4)
    assert (state.rip, state.rsp) == (0x5000, 0x7FF8)
    far_transfer.far_return(protected, 4, 8)
    assert (state.rip, state.rsp) == (0x1000, 0x8008)
    with pytest.raises(CpuFault) as caught:
        far_transfer.jump(protected, 0x10, 0)
    assert (caught.value.vector, caught.value.error) == (13, 0x10)
    assert state.rip == 0x1000


@pytest.mark.feature("G1")
def test_syscall_follows_star_lstar_and_sfmask(vector_core: VectorCore) -> None:
    state = vector_core.state
    state.cr0 |= 1
    state.efer = EFER_SCE | EFER_LMA
    state.cs_attributes = 0x20FB
    mode.set_cpl(vector_core, 3)
    state.star, state.lstar, state.sfmask = 0x23_0008 << 32, 0xFFFF_8000_0000_1000, 0x600
    state.rip, state.rflags = 0x40_0000, 0x646
    far_transfer.syscall(vector_core)
    assert (state.rip, state.rcx, state.r11) == (0xFFFF_8000_0000_1000, 0x40_0000, 0x646)
    assert (state.rflags, state.cs_selector, state.ss_selector, state.cpl) == (0x46, 8, 16, 0)
    state.rcx = 1 << 60
    far_transfer.sysret(vector_core, wide=True)
    assert (state.rip, state.cs_selector, state.ss_selector) == (1 << 60, 0x33, 0x2B)
    assert (state.cpl, state.rflags) == (3, 0x646)


@pytest.mark.feature("B4")
def test_swapgs_is_for_ring_0(vector_core: VectorCore) -> None:
    state = vector_core.state
    state.efer, state.cs_attributes = EFER_LMA, 0x209B
    mode.update(vector_core)
    state.gs_base, state.kernel_gs_base = 1, 2
    far_transfer.swapgs(vector_core)
    assert (state.gs_base, state.kernel_gs_base) == (2, 1)
    mode.set_cpl(vector_core, 3)
    with pytest.raises(CpuFault, match="vector 13"):
        far_transfer.swapgs(vector_core)
