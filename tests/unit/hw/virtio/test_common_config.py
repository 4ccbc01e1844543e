"""The status handshake, feature words, queue registers, reset."""

import pytest

from hw.bus import device_work, mmio
from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.virtio import (
    CAP_NOTIFY,
    F_VERSION_1,
    STATUS_ACKNOWLEDGE,
    STATUS_DRIVER,
    STATUS_DRIVER_OK,
    STATUS_FEATURES_OK,
    STATUS_NEEDS_RESET,
    TYPE_CONSOLE,
    TYPE_RNG,
)
from hw.virtio import transport
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory
from hw.virtio.state import DEVICES
from tests.support.bare_driver import Driver, find

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("H3")]


@pytest.fixture
def rng() -> Driver:
    driver = Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)
    driver.map_bars()
    return driver


def test_offered_features_are_two_words(rng: Driver):
    assert rng.features() == F_VERSION_1
    rng.set_common("device_feature_select", 2)
    assert rng.common("device_feature") == 0


@pytest.mark.parametrize("features", [0, 1 << 5, F_VERSION_1 | 1 << 63])
def test_features_not_offered_or_without_version_1_are_refused(rng: Driver, features: int):
    assert not rng.accept(features)
    rng.set_common("device_status", STATUS_DRIVER_OK)
    assert not rng.common("device_status") & STATUS_DRIVER_OK


def test_accepted_features_are_fixed(rng: Driver):
    assert rng.accept(F_VERSION_1)
    rng.set_common("driver_feature_select", 0)
    rng.set_common("driver_feature", 0xFF)
    assert rng.common("driver_feature") == 0
    assert DEVICES[rng.slot].accepted == F_VERSION_1


def test_status_bits_only_rise(rng: Driver):
    rng.set_common("device_status", STATUS_ACKNOWLEDGE | STATUS_DRIVER)
    rng.set_common("device_status", STATUS_DRIVER)
    assert rng.common("device_status") == STATUS_ACKNOWLEDGE | STATUS_DRIVER
    rng.set_common("device_status", STATUS_NEEDS_RESET)
    assert not rng.common("device_status") & STATUS_NEEDS_RESET, "the device's own bit"


def test_queue_needs_features_and_is_fixed_once_enabled(rng: Driver):
    rng.set_common("queue_enable", 1)
    assert rng.common("queue_enable") == 0
    assert rng.accept(F_VERSION_1)
    assert rng.common("queue_size") == 256
    rng.set_common("queue_size", 100)
    assert rng.common("queue_size") == 256, "no power of two"
    rng.set_common("queue_size", 512)
    assert rng.common("queue_size") == 256, "too large"
    rng.set_queue(0)
    rng.set_common("queue_desc", 0x1234)
    rng.set_common("queue_size", 32)
    assert (rng.common("queue_desc"), rng.common("queue_size")) == (10 * MIB, 16)


def test_queue_addresses_may_be_written_in_halves(rng: Driver):
    base = PCI_WINDOW_BASE + transport.COMMON_OFFSET + 32
    mmio.write(0, base, 4, 0x9000)
    mmio.write(0, base + 4, 4, 0x1)
    assert rng.common("queue_desc") == 0x1_0000_9000
    assert mmio.read(0, base + 4, 4) == 1


def test_queue_that_does_not_exist(rng: Driver):
    rng.set_common("queue_select", 1)
    assert rng.common("queue_size") == 0
    rng.set_common("queue_size", 16)
    rng.set_common("queue_select", 0)
    assert rng.common("queue_size") == 256


def test_notification_before_driver_ok_is_dropped(rng: Driver):
    device_work.take()
    mmio.write(0, rng.caps[CAP_NOTIFY], 2, 0)
    assert not device_work.take()
    rng.start()
    device_work.take()
    mmio.write(0, rng.caps[CAP_NOTIFY], 2, 0)
    assert device_work.take() == 1 << rng.slot
    assert DEVICES[rng.slot].notified.value == 1


def test_reset_ends_when_the_device_lets_go(rng: Driver):
    rng.start()
    assert rng.common("device_status") == 15
    rng.set_common("device_status", 0)
    assert rng.common("device_status") == 15
    device = VirtioDevice(rng.slot, MachineMemory())
    assert device.take_reset()
    assert rng.common("device_status") == 0
    assert rng.common("queue_enable") == 0
    assert rng.common("queue_size") == 256
    assert not device.take_reset()
    rng.start()
    assert rng.common("device_status") & STATUS_FEATURES_OK


def test_console_configuration():
    console = Driver(find(TYPE_CONSOLE), PCI_WINDOW_BASE, 10 * MIB)
    console.map_bars()
    assert console.common("num_queues") == 4
    assert console.device_config(4, 4) == 1, "one port"
    assert console.device_config(0, 2) == 0, "its input is no terminal"
    assert console.device_config(60, 8) == 0
