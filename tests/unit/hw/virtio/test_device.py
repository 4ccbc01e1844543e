"""A driver that breaks the rules stops its device, and a reset brings it back."""

import pytest

from hw import ram
from hw.disk.process import EntropyBackEnd
from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.virtio import ISR_CONFIG, ISR_QUEUE, STATUS_NEEDS_RESET, TYPE_RNG
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory
from tests.support.bare_driver import Driver, find

pytestmark = pytest.mark.usefixtures("board")
BUFFER = 12 * MIB


@pytest.fixture
def rig() -> tuple[Driver, VirtioDevice, EntropyBackEnd]:
    driver = Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)
    driver.start()
    device = VirtioDevice(driver.slot, MachineMemory())
    return driver, device, EntropyBackEnd(device)


def test_request_is_served(rig: tuple[Driver, VirtioDevice, EntropyBackEnd]):
    driver, device, back_end = rig
    driver.post(0, [], [(BUFFER, 40), (BUFFER + 64, 40)])
    assert device.take_notified() == 1
    back_end.serve()
    assert driver.done(0) == 80
    assert ram.read(BUFFER, 40) != bytes(40)
    assert ram.read(BUFFER + 40, 24) == bytes(24)
    assert driver.isr() == ISR_QUEUE


def test_huge_request_gets_a_page(rig: tuple[Driver, VirtioDevice, EntropyBackEnd]):
    driver, _, back_end = rig
    driver.post(0, [], [(BUFFER, 1 << 20)])
    back_end.serve()
    assert driver.done(0) == 4096


@pytest.mark.parametrize("segment", [(1 << 50, 16), (32 * MIB - 8, 16)])
def test_buffer_that_is_no_memory(
    rig: tuple[Driver, VirtioDevice, EntropyBackEnd], segment: tuple[int, int]
):
    driver, device, back_end = rig
    driver.post(0, [], [segment])
    back_end.serve()
    assert driver.common("device_status") & STATUS_NEEDS_RESET
    assert driver.isr() & ISR_CONFIG
    driver.post(0, [], [(BUFFER, 16)])
    back_end.serve()
    assert ram.read(BUFFER, 16) == bytes(16), "it serves nobody until it is reset"
    driver.set_common("device_status", 0)
    assert device.take_reset()
    driver.start()
    driver.post(0, [], [(BUFFER, 16)])
    back_end.serve()
    assert driver.done(0) == 16
