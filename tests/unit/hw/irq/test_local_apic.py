"""Registers, acceptance by priority, delivery in all ways, x2APIC."""

import pytest

from hw.irq import delivery
from hw.irq.local_apic import LOCAL_APICS
from hw.irq.party import PARTIES
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("B5")]


def command(core: int, low: int, destination: int = 0) -> None:
    LOCAL_APICS[core].write(spec.LAPIC_ICR_HIGH, destination << 24)
    LOCAL_APICS[core].write(spec.LAPIC_ICR_LOW, low)


def test_disabled_apic_takes_nothing_but_nmi():
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_SVR, 0xFF)
    assert not delivery.deliver(0, spec.DELIVERY_FIXED, 0x40)
    delivery.deliver(0, spec.DELIVERY_NMI, 0)
    assert accepted(0) == [spec.NMI_VECTOR]


def test_disabling_masks_the_local_vectors_for_good():
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_LVT_TIMER, 0x40)
    apic.write(spec.LAPIC_SVR, 0xFF)
    assert apic.read(spec.LAPIC_LVT_TIMER) == spec.LVT_MASKED | 0x40
    apic.write(spec.LAPIC_LVT_TIMER, 0x41)
    assert apic.read(spec.LAPIC_LVT_TIMER) == spec.LVT_MASKED | 0x41


def test_illegal_vectors_are_errors_of_sender_or_receiver():
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_LVT_ERROR, spec.LVT_MASKED)
    command(0, 0x0F, destination=1)
    apic.write(spec.LAPIC_ESR, 0)
    assert apic.read(spec.LAPIC_ESR) == spec.ESR_SEND_ILLEGAL_VECTOR
    enabled_apic(1)
    delivery.deliver(1, spec.DELIVERY_FIXED, 3)
    LOCAL_APICS[1].write(spec.LAPIC_ESR, 0)
    assert LOCAL_APICS[1].read(spec.LAPIC_ESR) == spec.ESR_RECEIVE_ILLEGAL_VECTOR
    LOCAL_APICS[1].write(spec.LAPIC_ESR, 0)
    assert LOCAL_APICS[1].read(spec.LAPIC_ESR) == 0


def test_absent_register_raises_the_error_vector():
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_LVT_ERROR, 0x66)
    assert apic.read(0x040) == 0
    assert accepted(0) == [0x66]


def test_x2apic_mode_and_its_faults():
    apic = enabled_apic(0)
    assert apic.read_x2apic(spec.LAPIC_ID) is None
    assert apic.set_base(apic.base() | spec.APIC_BASE_X2APIC)
    assert apic.read(spec.LAPIC_ID) == 0xFFFF_FFFF
    assert apic.read_x2apic(spec.LAPIC_ID) == 0
    assert apic.read_x2apic(spec.LAPIC_LDR) == 1
    assert not apic.set_base(apic.base() & ~spec.APIC_BASE_X2APIC), "only through off"
    assert not apic.set_base(apic.base() + 0x1000), "the page does not move"
    assert not apic.write_x2apic(spec.LAPIC_DFR, 0)
    assert apic.write_x2apic(spec.LAPIC_SELF_IPI, 0x55)
    assert accepted(0) == [0x55]


def test_x2apic_command_reaches_ids_beyond_eight_bits():
    PARTIES[3].apic_id = 0x1234
    enabled_apic(3)
    apic = enabled_apic(0)
    assert apic.set_base(apic.base() | spec.APIC_BASE_X2APIC)
    assert apic.write_x2apic(spec.LAPIC_ICR_LOW, 0x1234 << 32 | 0x44)
    assert accepted(3) == [0x44]
    assert apic.read_x2apic(spec.LAPIC_ICR_LOW) == 0x1234 << 32 | 0x44


def test_version_and_id():
    apic = LOCAL_APICS[3]
    assert apic.read(spec.LAPIC_ID) == 3 << 24
    assert apic.read(spec.LAPIC_VERSION) == spec.LAPIC_VERSION_VALUE
