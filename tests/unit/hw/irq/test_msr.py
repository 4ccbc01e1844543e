"""MSRs of the interrupt hardware."""

import pytest

from hw import clock
from hw.irq import msr
from hw.irq.apic_timer import DEADLINES
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = pytest.mark.usefixtures("board")


def x2apic(offset: int) -> int:
    return spec.X2APIC_MSR_BASE + (offset >> 4)


def test_base_names_the_boot_core_and_the_page():
    word = 0xFEE0_0000 | spec.APIC_BASE_ENABLE
    assert [msr.read(core, spec.MSR_APIC_BASE) for core in (0, 1)] == [
        word | spec.APIC_BASE_BSP,
        word,
    ]


def test_x2apic_registers_fault_until_the_mode_is_on():
    assert msr.read(1, x2apic(spec.LAPIC_TPR)) is None
    assert not msr.write(1, x2apic(spec.LAPIC_TPR), 0)
    base = msr.read(1, spec.MSR_APIC_BASE)
    assert base is not None
    assert msr.write(1, spec.MSR_APIC_BASE, base | spec.APIC_BASE_X2APIC)
    assert msr.write(1, x2apic(spec.LAPIC_TPR), 0x20)
    assert msr.read(1, x2apic(spec.LAPIC_TPR)) == 0x20
    assert not msr.write(1, x2apic(spec.LAPIC_TPR), 1 << 32)
    assert msr.write(1, x2apic(spec.LAPIC_SVR), spec.SVR_ENABLE)
    assert msr.write(1, x2apic(spec.LAPIC_ICR_LOW), 1 << 32 | 0x99)
    assert accepted(1) == [0x99]
    assert msr.write(1, x2apic(spec.LAPIC_EOI), 0)


def test_tsc_deadline():
    enabled_apic(0).write(
        spec.LAPIC_LVT_TIMER, spec.LVT_TIMER_MODE.put(0x40, spec.TIMER_TSC_DEADLINE)
    )
    later = clock.tsc() + (1 << 40)
    assert msr.write(0, spec.MSR_TSC_DEADLINE, later)
    assert msr.read(0, spec.MSR_TSC_DEADLINE) == DEADLINES[0].tsc.value == later


def test_others_are_not_ours():
    assert not msr.is_ours(0xC000_0080)
    assert msr.read(0, 0x10) is None
    assert not msr.write(0, 0x10, 1)
    assert all(msr.is_ours(i) for i in (0x1B, 0x6E0, 0x800, 0x8FF))
