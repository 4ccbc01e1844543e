"""Model-specific registers: all of the table, and what is not in it."""

import pytest

from hw.cpu import msr
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.irq.apic_state import DEADLINES
from hw.spec.apic import MSR_TSC_DEADLINE
from hw.spec.msr import MSR_EFER, MSR_LSTAR, MSR_PAT, MSR_TSC, PAT_RESET


def test_each_register_keeps_what_it_may_hold(vector_core: VectorCore) -> None:
    for number, register in msr.TABLE.items():
        if register.admits is None:
            with pytest.raises(CpuFault):
                msr.write(vector_core, number, 1)
        else:
            value = next(
                v for v in (0x0601_0606_0606_0606, 0x1234, 0xC06, 6, 0x800, 0) if register.admits(v)
            )
            msr.write(vector_core, number, value)
            assert msr.read(vector_core, number) == value


#: What Linux 6.x reads or writes on an AMD of family 17h that claims what CPUID claims here, by
#: where it does (arch/x86): numbers, value after power-on. None: #GP, which it expects.
LINUX = {
    "head_64.S, cpu/common.c": {
        0xC0000080: 0, 0xC0000081: 0, 0xC0000082: 0, 0xC0000083: 0, 0xC0000084: 0, 0x174: 0,
        0x175: 0, 0x176: 0, 0xC0000100: 0, 0xC0000101: 0, 0xC0000102: 0, 0xC0000103: 0,
        0x1D9: 0, 0x48: None, 0x49: None, 0x10A: None, 0x1A0: None, 0xDA0: None,
    },
    "cpu/mtrr": {
        0xFE: 0x508, 0x2FF: 0, **dict.fromkeys(range(0x200, 0x210), 0),
        **dict.fromkeys((0x250, 0x258, 0x259, *range(0x268, 0x270)), 0), 0x277: PAT_RESET,
        0xC0010010: 0, 0xC001001A: 0, 0xC001001D: 0,
        **dict.fromkeys(range(0xC0010016, 0xC001001A), 0),
    },
    "cpu/mce": {
        0x179: 0x104, 0x17A: 0, 0x17B: 0, **dict.fromkeys(range(0x400, 0x410), 0), 0x410: None,
        0x4D0: None,
    },
    "cpu/amd.c": {
        0x8B: 0x8301034, 0xC0010015: 0, 0xC001001F: 0, 0xC0010055: 0, 0xC0010140: 0, 0xC0010141: 0,
        0xC0011020: 0, 0xC0011021: 0, 0xC0011022: 0, 0xC0011028: 0, 0xC0011029: 2, 0xC001102A: 0,
        0xC001011F: None,
    },
    "kernel/tsc.c": {0x3B: None, 0xE7: None, 0xE8: None, 0xCE: None, 0xC0000104: None},
    "events/amd": {
        **dict.fromkeys(range(0xC0010000, 0xC0010008), 0), 0xC0010200: None, 0xC0011030: None,
    },
    "kernel/process.c": {0x1DB: 0, 0x1DC: 0, 0x1DD: 0, 0x1DE: 0},
    "svm": {0xC0010114: 0x10, 0xC0010117: 0},
    "powernow-k8, acpi-cpufreq": dict.fromkeys(range(0xC0010061, 0xC0010065), 0),
    "microcode, kvm guests": {0xC0010020: None, 0x4B564D00: None, 0x40000000: None},
}  # fmt: skip


@pytest.mark.parametrize("place", LINUX)
def test_each_register_that_linux_reads(vector_core: VectorCore, place: str) -> None:
    for number, value in LINUX[place].items():
        if value is None:
            with pytest.raises(CpuFault):
                msr.read(vector_core, number)
        else:
            assert msr.read(vector_core, number) == value, hex(number)


def test_the_interrupt_hardwares_registers_are_there(vector_core: VectorCore) -> None:
    """APIC base: enabled, of the first core, at its usual place; no x2APIC before it is on."""
    assert msr.read(vector_core, 0x1B) == 0xFEE0_0900
    assert msr.read(vector_core, 0x6E0) == 0
    with pytest.raises(CpuFault):
        msr.read(vector_core, 0x802)
    msr.write(vector_core, 0x1B, 0xFEE0_0D00)
    assert msr.read(vector_core, 0x802) == 0


def test_the_tsc_of_a_core_can_be_set_and_its_deadline_follows(vector_core: VectorCore) -> None:
    msr.write(vector_core, MSR_TSC, 5 << 60)
    ahead = vector_core.state.tsc_offset
    assert 5 << 60 <= msr.read(vector_core, MSR_TSC) < 6 << 60
    for number, value in ((0x1B, 0xFEE0_0D00), (0x80F, 0x1FF), (0x832, 0x4_0041)):
        msr.write(vector_core, number, value)
    msr.write(vector_core, MSR_TSC_DEADLINE, (5 << 60) + (1 << 59))
    assert DEADLINES[0].tsc.load() == (5 << 60) + (1 << 59) - ahead
    assert msr.read(vector_core, MSR_TSC_DEADLINE) == (5 << 60) + (1 << 59)
    msr.write(vector_core, MSR_TSC_DEADLINE, 0)
    assert msr.read(vector_core, MSR_TSC_DEADLINE) == 0


def test_machine_check_banks_can_be_cleared_but_not_set(vector_core: VectorCore) -> None:
    msr.write(vector_core, 0x401, 0)
    with pytest.raises(CpuFault):
        msr.write(vector_core, 0x401, 1)
    msr.write(vector_core, 0x400, (1 << 64) - 1)
    assert msr.read(vector_core, 0x400) == (1 << 64) - 1


@pytest.mark.parametrize(
    ("number", "value"),
    [(0x200, 2), (0x200, 1 << 40 | 6), (0x201, 0x400), (0x2FF, 0x1006), (0x250, 2)],
)
def test_a_memory_type_range_refuses_what_is_reserved(
    vector_core: VectorCore, number: int, value: int
) -> None:
    with pytest.raises(CpuFault):
        msr.write(vector_core, number, value)


def test_values_after_reset_and_refused_ones(vector_core: VectorCore) -> None:
    assert msr.read(vector_core, MSR_PAT) == PAT_RESET
    assert msr.read(vector_core, MSR_EFER) == 0
    assert msr.read(vector_core, MSR_TSC) <= msr.read(vector_core, MSR_TSC)
    for number, value in ((MSR_PAT, 2), (MSR_LSTAR, 1 << 47), (0x12345, 0)):
        with pytest.raises(CpuFault):
            msr.write(vector_core, number, value)
    with pytest.raises(CpuFault):
        msr.read(vector_core, 0x12345)
