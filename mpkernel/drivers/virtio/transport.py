"""Virtio over PCI from the driver's side: find the structures, agree on features, set queues up.

    reset -> ACKNOWLEDGE -> DRIVER -> features -> FEATURES_OK? -> queues -> DRIVER_OK

Needed only while a driver probes; afterwards a queue's own words say all.

Spec: virtio 1.2, 3.1, 4.1. State: the device's registers. Locks: none; one prober a device.
Context: task.
"""

from typing import Final

from hw.spec.pci import BAR_COUNT, CAP_ID_VENDOR
from hw.spec.virtio import (
    CAP_COMMON,
    CAP_DEVICE,
    CAP_NOTIFY,
    F_VERSION_1,
    NO_VECTOR,
    STATUS_ACKNOWLEDGE,
    STATUS_DRIVER,
    STATUS_DRIVER_OK,
    STATUS_FAILED,
    STATUS_FEATURES_OK,
    VIRTIO_DEVICE_ID_BASE,
    VIRTIO_VENDOR_ID,
    CommonConfig,
    VirtioPciCap,
)
from mpkernel.arch import mmio
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.drivers import msix, pci
from mpkernel.drivers.bus import DriverRefusalError
from mpkernel.drivers.pci import PciFunction
from mpkernel.drivers.virtio.queue import SIZE, Virtqueue
from mpkernel.irq import vectors
from mpkernel.sched.timer import now_ns

_RESET_NS: Final = 2_000_000_000


def is_virtio(function: PciFunction, kind: int) -> bool:
    """Whether a function is a modern virtio device of a type."""
    return bool(
        function.vendor_id == VIRTIO_VENDOR_ID
        and function.device_id == VIRTIO_DEVICE_ID_BASE + kind
    )


class Transport:
    """A device being brought up."""

    __slots__ = ("_common", "_device", "_multiplier", "_next_entry", "_notify", "function")

    def __init__(self, function: PciFunction) -> None:
        self.function = function
        self._common = self._device = self._notify = self._multiplier = 0
        self._next_entry = 0
        pci.enable(function)
        self._find_structures()
        if not self._common or not self._notify:
            raise DriverRefusalError("no common configuration or notification structure")
        if not function.msix_vectors:
            raise DriverRefusalError("no MSI-X")

    def _find_structures(self) -> None:
        function = self.function
        for kind, at in function.capabilities():
            if kind != CAP_ID_VENDOR:
                continue
            bar = function.read(at + VirtioPciCap.offset_of("bar"), 1)
            base = function.bar_address[bar] if bar < BAR_COUNT else 0
            if not base:
                continue
            address = base + function.read(at + VirtioPciCap.offset_of("offset"), 4)
            structure = function.read(at + VirtioPciCap.offset_of("cfg_type"), 1)
            if structure == CAP_COMMON and not self._common:
                self._common = address
            elif structure == CAP_DEVICE and not self._device:
                self._device = address
            elif structure == CAP_NOTIFY and not self._notify:
                self._notify = address
                self._multiplier = function.read(at + VirtioPciCap.SIZE, 4)

    def _get(self, name: str) -> int:
        field = getattr(CommonConfig, name)
        return mmio.read(self._common + field.offset, field.size)

    def _set(self, name: str, value: int) -> None:
        field = getattr(CommonConfig, name)
        mmio.write(self._common + field.offset, field.size, value)

    def reset(self) -> None:
        """Reset the device and wait until it has let go of its queues.

        Raises:
            DriverRefusalError: it does not.
        """
        self._set("device_status", 0)
        deadline = now_ns() + _RESET_NS
        turn = 0
        while self._get("device_status"):
            if now_ns() > deadline:
                raise DriverRefusalError("does not come out of reset")
            relax(turn)
            turn += 1

    def negotiate(self, wanted: int) -> int:
        """Reset, then agree on features; return those of ``wanted`` that the device has.

        Raises:
            DriverRefusalError: the device is not of version 1 or does not agree.
        """
        self.reset()
        self._set("device_status", STATUS_ACKNOWLEDGE)
        self._set("device_status", STATUS_ACKNOWLEDGE | STATUS_DRIVER)
        offered = 0
        for half in (0, 1):
            self._set("device_feature_select", half)
            offered |= self._get("device_feature") << 32 * half
        if not offered & F_VERSION_1:
            raise DriverRefusalError("a legacy device")
        accepted = offered & (wanted | F_VERSION_1)
        for half in (0, 1):
            self._set("driver_feature_select", half)
            self._set("driver_feature", accepted >> 32 * half & 0xFFFF_FFFF)
        status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK
        self._set("device_status", status)
        if not self._get("device_status") & STATUS_FEATURES_OK:
            self._set("device_status", STATUS_FAILED)
            raise DriverRefusalError(f"does not accept features {accepted:#x}")
        msix.enable(self.function)
        return accepted

    @property
    def queue_count(self) -> int:
        """Queues that the device has."""
        return self._get("num_queues")

    def config(self, offset: int, size: int) -> int:
        """Read the device's own configuration."""
        return mmio.read(self._device + offset, size) if self._device else 0

    def add_queue(self, index: int, handler: int) -> Virtqueue:
        """Make and enable queue ``index``; its interrupts go to this CPU, to ``handler``.

        Raises:
            DriverRefusalError: the device has no such queue, or a shorter one than ours.
            SysError: ENOMEM, or ENOSPC of vectors.
        """
        self._set("queue_select", index)
        if self._get("queue_size") < SIZE:
            raise DriverRefusalError(f"queue {index} has less than {SIZE} places")
        notify = self._notify + self._multiplier * self._get("queue_notify_off")
        queue = Virtqueue.create(index, notify, self.function.phys)
        queue.vector = vectors.request_vector(handler, queue.phys)
        entry = self._next_entry
        if entry >= self.function.msix_vectors:
            raise DriverRefusalError("fewer MSI-X vectors than queues")
        self._next_entry += 1
        self._set("queue_size", SIZE)
        self._set("queue_desc", queue.desc_address)
        self._set("queue_driver", queue.avail_address)
        self._set("queue_device", queue.used_address)
        self._set("config_msix_vector", NO_VECTOR)
        self._set("queue_msix_vector", entry)
        if self._get("queue_msix_vector") != entry:
            raise DriverRefusalError(f"no MSI-X entry for queue {index}")
        queue.msix_entry = entry
        msix.route(self.function, entry, queue.vector, cpu().index)
        self._set("queue_enable", 1)
        return queue

    def start(self) -> None:
        """Let the device run."""
        self._set("device_status", self._get("device_status") | STATUS_DRIVER_OK)


def route(queue: Virtqueue, target: int) -> None:
    """Send a queue's interrupts to CPU ``target``."""
    msix.route(PciFunction.at(queue.function), queue.msix_entry, queue.vector, target)
