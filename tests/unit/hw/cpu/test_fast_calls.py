"""Fast system calls, as Python does them; tests/unit/hw/cpu/semantics/test_privilege: natively."""

import pytest

from hw.cpu import fast_calls, mode
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import EFER_LMA, EFER_SCE


@pytest.mark.feature("G1")
def test_syscall_follows_star_lstar_and_sfmask(vector_core: VectorCore) -> None:
    state = vector_core.state
    state.cr0 |= 1
    state.efer = EFER_SCE | EFER_LMA
    state.cs_attributes = 0x20FB
    mode.set_cpl(vector_core, 3)
    state.star, state.lstar, state.sfmask = 0x23_0008 << 32, 0xFFFF_8000_0000_1000, 0x600
    state.rip, state.rflags = 0x40_0000, 0x646
    fast_calls.syscall(vector_core)
    assert (state.rip, state.rcx, state.r11) == (0xFFFF_8000_0000_1000, 0x40_0000, 0x646)
    assert (state.rflags, state.cs_selector, state.ss_selector, state.cpl) == (0x46, 8, 16, 0)
    state.rcx = 1 << 60
    fast_calls.sysret(vector_core, wide=True)
    assert (state.rip, state.cs_selector, state.ss_selector) == (1 << 60, 0x33, 0x2B)
    assert (state.cpl, state.rflags) == (3, 0x646)


@pytest.mark.feature("B4")
def test_swapgs_is_for_ring_0(vector_core: VectorCore) -> None:
    state = vector_core.state
    state.efer, state.cs_attributes = EFER_LMA, 0x209B
    mode.update(vector_core)
    state.gs_base, state.kernel_gs_base = 1, 2
    fast_calls.swapgs(vector_core)
    assert (state.gs_base, state.kernel_gs_base) == (2, 1)
    mode.set_cpl(vector_core, 3)
    with pytest.raises(CpuFault, match="vector 13"):
        fast_calls.swapgs(vector_core)
