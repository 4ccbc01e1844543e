"""Bringing a virtio device up, and devices that cannot be."""

from collections.abc import Iterator

import pytest

from hw.board import SLOT_ENTROPY
from hw.bus.pci_function import FUNCTIONS
from hw.spec.virtio import (
    F_INDIRECT_DESC,
    F_VERSION_1,
    STATUS_DRIVER_OK,
    STATUS_FAILED,
    STATUS_FEATURES_OK,
    TYPE_BLK,
    TYPE_RNG,
)
from hw.virtio.state import DEVICES, QUEUES
from mpkernel.drivers import bus, pci
from mpkernel.drivers.bus import DriverRefusalError
from mpkernel.drivers.pci import PciFunction
from mpkernel.drivers.virtio import transport
from mpkernel.drivers.virtio.transport import Transport
from mpkernel.irq.vectors import HANDLER_RNG
from tests.support.device_kernel import DeviceKernel, device_kernel


@pytest.fixture
def kernel() -> Iterator[DeviceKernel]:
    with device_kernel() as kernel:
        pci.enumerate_bus()
        yield kernel


def function() -> PciFunction:
    return pci.functions()[1]


def test_the_device_sees_what_was_agreed(kernel: DeviceKernel) -> None:
    assert transport.is_virtio(function(), TYPE_RNG)
    assert not transport.is_virtio(function(), TYPE_BLK)
    device = Transport(function())
    assert device.negotiate(F_INDIRECT_DESC) == F_VERSION_1  # the device does not offer the other
    state = DEVICES[SLOT_ENTROPY]
    assert state.accepted == F_VERSION_1
    assert state.status & STATUS_FEATURES_OK
    queue = device.add_queue(0, HANDLER_RNG)
    device.start()
    assert state.status & STATUS_DRIVER_OK
    seen = QUEUES[SLOT_ENTROPY][0]
    assert (seen.desc, seen.driver, seen.device) == (
        queue.desc_address,
        queue.avail_address,
        queue.used_address,
    )
    assert seen.enable
    assert seen.size == 64


def test_a_legacy_device_is_refused(kernel: DeviceKernel) -> None:
    DEVICES[SLOT_ENTROPY].offered = 0
    with pytest.raises(DriverRefusalError, match="legacy"):
        Transport(function()).negotiate(0)


def test_a_device_that_does_not_agree_is_told_that_we_gave_up(
    kernel: DeviceKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Transport(function())
    offered = DEVICES[SLOT_ENTROPY].offered
    real = Transport._set

    def set_register(self: Transport, name: str, value: int) -> None:
        if name == "driver_feature_select" and value == 0:
            DEVICES[SLOT_ENTROPY].offered = 0  # it changes its mind
        real(self, name, value)

    monkeypatch.setattr(Transport, "_set", set_register)
    with pytest.raises(DriverRefusalError, match="does not accept"):
        device.negotiate(0)
    assert DEVICES[SLOT_ENTROPY].status & STATUS_FAILED
    DEVICES[SLOT_ENTROPY].offered = offered


def test_a_short_queue_is_refused(kernel: DeviceKernel) -> None:
    device = Transport(function())
    device.negotiate(0)
    QUEUES[SLOT_ENTROPY][0].size = 16
    with pytest.raises(DriverRefusalError, match="less than 64"):
        device.add_queue(0, HANDLER_RNG)


def test_a_device_without_structures_is_refused_and_the_others_go_on(kernel: DeviceKernel) -> None:
    FUNCTIONS[SLOT_ENTROPY].config[0x34] = 0  # no capabilities
    assert kernel.call(bus.probe_all()) == 0
    assert pci.functions()[1].driver == 0
