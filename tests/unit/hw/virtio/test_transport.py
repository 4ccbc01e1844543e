"""Interrupts towards the driver, and what a broken driver sees."""

import pytest

from hw.bus.pci_function import line_of
from hw.irq import io_apic
from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.virtio import ISR_CONFIG, STATUS_NEEDS_RESET, TYPE_CONSOLE, TYPE_RNG
from hw.virtio import transport
from tests.support.bare_driver import Driver, find
from tests.support.board import accepted, enabled_apic

pytestmark = pytest.mark.usefixtures("board")


@pytest.fixture
def console() -> Driver:
    driver = Driver(find(TYPE_CONSOLE), PCI_WINDOW_BASE, 10 * MIB)
    driver.start(queues=4, vector=0)
    return driver


def test_change_of_configuration(console: Driver):
    enabled_apic(1)
    console.set_common("config_msix_vector", 2)
    console.use_msix(2, 1, 0x77)
    before = console.common("config_generation")
    transport.interrupt_config(console.slot)
    assert accepted(1) == [0x77]
    assert console.common("config_generation") == before + 1
    assert not io_apic.LINES[line_of(console.slot)].sources


def test_failure_is_told_once(console: Driver):
    transport.fail(console.slot)
    assert console.common("device_status") & STATUS_NEEDS_RESET
    assert console.isr() == ISR_CONFIG
    transport.fail(console.slot)
    assert console.isr() == 0


def test_devices_do_not_share_state(console: Driver):
    rng = Driver(find(TYPE_RNG), PCI_WINDOW_BASE + 0x20000, 11 * MIB)
    rng.map_bars()
    assert rng.common("device_status") == 0
    assert console.common("device_status") == 15
    assert rng.common("num_queues") == 1
