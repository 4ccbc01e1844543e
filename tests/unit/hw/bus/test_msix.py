"""Messages: table, masks, pending bits; the pin when messages are off."""

import pytest

from hw.bus import mmio, msix
from hw.bus.pci_function import line_of
from hw.irq import io_apic
from hw.spec.apic import MSI_ADDRESS_BASE, msi_address
from hw.spec.memory_map import LOCAL_APIC_BASE, MIB, PCI_WINDOW_BASE
from hw.spec.pci import COMMAND_INTX_DISABLE, MSIX_ENABLE, MSIX_FUNCTION_MASK
from hw.spec.virtio import ISR_QUEUE, TYPE_RNG
from hw.virtio import transport
from tests.support.bare_driver import Driver, find
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("H2")]
TABLE = PCI_WINDOW_BASE + 0x10000
VECTOR = 0x61


@pytest.fixture
def rng() -> Driver:
    driver = Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)
    driver.start(vector=0)
    enabled_apic(2)
    return driver


def test_message_reaches_the_core_it_names(rng: Driver):
    rng.use_msix(0, 2, VECTOR)
    transport.interrupt_queue(rng.slot, 0)
    assert accepted(2) == [VECTOR]


def test_masked_vector_is_pending_and_sent_once_when_unmasked(rng: Driver):
    rng.use_msix(0, 2, VECTOR)
    mmio.write(0, TABLE + 12, 4, 1)
    for _ in range(2):
        msix.signal(rng.slot, 0)
    assert accepted(2) == []
    assert mmio.read(0, TABLE + msix.PBA_OFFSET, 8) == 1
    mmio.write(0, TABLE + 12, 4, 0)
    assert accepted(2) == [VECTOR]
    assert mmio.read(0, TABLE + msix.PBA_OFFSET, 8) == 0


def test_function_mask_holds_all_back(rng: Driver):
    rng.use_msix(0, 2, VECTOR)
    rng.set_config(rng.msix_cap + 2, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK)
    msix.signal(rng.slot, 0)
    assert accepted(2) == []
    rng.set_config(rng.msix_cap + 2, 2, MSIX_ENABLE)
    assert accepted(2) == [VECTOR]


def test_table_is_read_back_and_starts_masked(rng: Driver):
    assert mmio.read(0, TABLE + 12, 4) == 1
    mmio.write(0, TABLE, 4, 0x1234_5670)
    mmio.write(0, TABLE + 4, 4, 0x9)
    assert mmio.read(0, TABLE, 8) == 0x9_1234_5670
    mmio.write(0, TABLE + 16 * 5, 8, 1)
    assert mmio.read(0, TABLE + 16 * 5, 8) == 0, "two vectors only"
    assert rng.config(rng.msix_cap + 2, 2) & 0x7FF == 1


def test_no_vector_means_no_message(rng: Driver):
    rng.use_msix(0, 2, VECTOR)
    rng.set_common("queue_msix_vector", 9)
    assert rng.common("queue_msix_vector") == 0xFFFF
    transport.interrupt_queue(rng.slot, 0)
    assert accepted(2) == []


def test_core_may_write_a_message_itself():
    enabled_apic(3)
    assert msi_address(3) == MSI_ADDRESS_BASE | 3 << 12
    mmio.write(0, msi_address(3), 4, VECTOR)
    assert accepted(3) == [VECTOR]
    assert mmio.read(0, LOCAL_APIC_BASE + 0x1000, 4) == 0xFFFF_FFFF


def test_pin_is_high_until_the_isr_is_read(rng: Driver):
    line = line_of(rng.slot)
    transport.interrupt_queue(rng.slot, 0)
    assert io_apic.LINES[line].sources == 1 << rng.slot
    assert rng.isr() == ISR_QUEUE
    assert not io_apic.LINES[line].sources
    assert rng.isr() == 0


def test_pin_that_is_disabled_stays_low(rng: Driver):
    rng.set_config(4, 2, 6 | COMMAND_INTX_DISABLE)
    transport.interrupt_queue(rng.slot, 0)
    assert not io_apic.LINES[line_of(rng.slot)].sources
    rng.set_config(4, 2, 6)
    assert io_apic.LINES[line_of(rng.slot)].sources
