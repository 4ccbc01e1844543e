"""Model-specific registers: all of the table, and what is not in it."""

import pytest

from hw.cpu import msr
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.msr import MSR_EFER, MSR_LSTAR, MSR_MTRR_DEFAULT, MSR_PAT, MSR_TSC, PAT_RESET


def test_each_register_keeps_what_it_may_hold(vector_core: VectorCore) -> None:
    for number, register in msr.TABLE.items():
        if register.admits is None:
            with pytest.raises(CpuFault):
                msr.write(vector_core, number, 1)
        else:
            value = next(v for v in (0x0601_0606_0606_0606, 0x1234, 0xC06, 0) if register.admits(v))
            msr.write(vector_core, number, value)
            assert msr.read(vector_core, number) == value


@pytest.mark.feature("B12")
def test_all_cores_begin_alike_and_a_changed_register_shows(vector_core: VectorCore) -> None:
    """A snapshot of CR0, CR4, EFER, PAT and MTRRs; one poisoned register is the difference."""
    other = VectorCore(1)

    def snapshot(core: VectorCore) -> dict[object, int]:
        registers = {number: msr.read(core, number) for number in msr.TABLE if number != 0xC0000103}
        return {**registers, "cr0": core.state.cr0, "cr4": core.state.cr4, "efer": core.state.efer}

    assert snapshot(vector_core) == snapshot(other)
    msr.write(other, MSR_MTRR_DEFAULT, 0x806)
    mine, others = snapshot(vector_core), snapshot(other)
    assert {n for n in mine if mine[n] != others[n]} == {MSR_MTRR_DEFAULT}


def test_values_after_reset_and_refused_ones(vector_core: VectorCore) -> None:
    assert msr.read(vector_core, MSR_PAT) == PAT_RESET
    assert msr.read(vector_core, MSR_EFER) == 0
    assert msr.read(vector_core, MSR_TSC) <= msr.read(vector_core, MSR_TSC)
    for number, value in ((MSR_PAT, 2), (MSR_LSTAR, 1 << 47), (0x12345, 0)):
        with pytest.raises(CpuFault):
            msr.write(vector_core, number, value)
    with pytest.raises(CpuFault):
        msr.read(vector_core, 0x12345)
