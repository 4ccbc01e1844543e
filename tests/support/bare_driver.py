"""A minimal virtio driver for tests: finds a device on PCI, sets it up, runs one chain at a time.

State: its rings, in RAM. Context: a core of a bare machine, or a unit test on the board.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hw import ram
from hw.bus import mmio
from hw.spec.apic import msi_address
from hw.spec.pci import CAP_ID_MSIX, CAP_ID_VENDOR, DEVICES_PER_BUS, MSIX_ENABLE, ecam_address
from hw.spec.virtio import (
    CAP_COMMON,
    CAP_DEVICE,
    CAP_ISR,
    CAP_NOTIFY,
    DESC_F_NEXT,
    DESC_F_WRITE,
    F_VERSION_1,
    RING_OFFSET,
    STATUS_ACKNOWLEDGE,
    STATUS_DRIVER,
    STATUS_DRIVER_OK,
    STATUS_FEATURES_OK,
    VIRTIO_DEVICE_ID_BASE,
    VIRTIO_VENDOR_ID,
    CommonConfig,
    VirtioPciCap,
    VirtqDesc,
)

_COMMAND: Final = 4
_BAR0: Final = 0x10
_CAPABILITIES: Final = 0x34


def find(kind: int, nth: int = 0) -> int:
    """Return the PCI slot of the nth device of a virtio type."""
    for slot in range(DEVICES_PER_BUS):
        word = mmio.read(0, ecam_address(0, slot, 0), 4)
        if word == (VIRTIO_DEVICE_ID_BASE + kind) << 16 | VIRTIO_VENDOR_ID:
            if not nth:
                return slot
            nth -= 1
    raise LookupError(kind)


@dataclass
class Driver:
    """Drives one device; BARs are placed at ``window``, rings and buffers from ``memory`` on."""

    slot: int
    window: int
    memory: int
    core: int = 0
    size: int = 16
    caps: dict[int, int] = field(default_factory=dict)
    multiplier: int = 0
    msix_cap: int = 0
    avail_idx: dict[int, int] = field(default_factory=dict)
    used_idx: dict[int, int] = field(default_factory=dict)

    def config(self, register: int, size: int) -> int:
        """Read configuration space."""
        return mmio.read(self.core, ecam_address(0, self.slot, 0, register), size)

    def set_config(self, register: int, size: int, value: int) -> None:
        """Write configuration space."""
        mmio.write(self.core, ecam_address(0, self.slot, 0, register), size, value)

    def map_bars(self) -> None:
        """Place both BARs and find the structures."""
        self.set_config(_BAR0, 4, self.window)
        self.set_config(_BAR0 + 4, 4, 0)
        self.set_config(_BAR0 + 8, 4, self.window + 0x10000)
        self.set_config(_BAR0 + 12, 4, 0)
        self.set_config(_COMMAND, 2, 6)
        at = self.config(_CAPABILITIES, 1)
        while at:
            kind = self.config(at, 1)
            if kind == CAP_ID_VENDOR:
                cfg_type = self.config(at + VirtioPciCap.offset_of("cfg_type"), 1)
                offset = self.config(at + VirtioPciCap.offset_of("offset"), 4)
                self.caps[cfg_type] = self.window + offset
                if cfg_type == CAP_NOTIFY:
                    self.multiplier = self.config(at + VirtioPciCap.SIZE, 4)
            elif kind == CAP_ID_MSIX:
                self.msix_cap = at
            at = self.config(at + 1, 1)

    def common(self, name: str) -> int:
        """Read a field of the common configuration."""
        member = getattr(CommonConfig, name)
        return mmio.read(self.core, self.caps[CAP_COMMON] + member.offset, member.size)

    def set_common(self, name: str, value: int) -> None:
        """Write a field of the common configuration."""
        member = getattr(CommonConfig, name)
        mmio.write(self.core, self.caps[CAP_COMMON] + member.offset, member.size, value)

    def device_config(self, offset: int, size: int) -> int:
        """Read the device configuration."""
        return mmio.read(self.core, self.caps[CAP_DEVICE] + offset, size)

    def isr(self) -> int:
        """Read and clear the ISR."""
        return mmio.read(self.core, self.caps[CAP_ISR], 1)

    def features(self) -> int:
        """Return what the device offers."""
        value = 0
        for half in (0, 1):
            self.set_common("device_feature_select", half)
            value |= self.common("device_feature") << 32 * half
        return value

    def accept(self, features: int) -> bool:
        """Do the handshake up to FEATURES_OK; return whether the device agreed."""
        self.set_common("device_status", STATUS_ACKNOWLEDGE)
        self.set_common("device_status", STATUS_ACKNOWLEDGE | STATUS_DRIVER)
        for half in (0, 1):
            self.set_common("driver_feature_select", half)
            self.set_common("driver_feature", features >> 32 * half & 0xFFFF_FFFF)
        status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK
        self.set_common("device_status", status)
        return bool(self.common("device_status") & STATUS_FEATURES_OK)

    def ring(self, queue: int) -> tuple[int, int, int]:
        """Return where a queue's descriptors, available and used ring are."""
        base = self.memory + 0x1000 * queue
        return base, base + 0x400, base + 0x800

    def set_queue(self, queue: int, vector: int = 0xFFFF) -> None:
        """Set a queue up and enable it."""
        self.set_common("queue_select", queue)
        self.set_common("queue_size", self.size)
        desc, avail, used = self.ring(queue)
        ram.zero(desc, 0x1000)
        self.set_common("queue_desc", desc)
        self.set_common("queue_driver", avail)
        self.set_common("queue_device", used)
        self.set_common("queue_msix_vector", vector)
        self.set_common("queue_enable", 1)
        self.avail_idx[queue] = self.used_idx[queue] = 0

    def start(self, features: int = F_VERSION_1, queues: int = 1, vector: int = 0xFFFF) -> None:
        """Bring the device up with its first queues."""
        self.map_bars()
        assert self.accept(features)
        for queue in range(queues):
            self.set_queue(queue, vector)
        self.set_common("device_status", self.common("device_status") | STATUS_DRIVER_OK)

    def use_msix(self, vector: int, apic_id: int, data: int) -> None:
        """Fill a table entry and switch messages on."""
        entry = self.window + 0x10000 + 16 * vector
        mmio.write(self.core, entry, 8, msi_address(apic_id))
        mmio.write(self.core, entry + 8, 4, data)
        mmio.write(self.core, entry + 12, 4, 0)
        self.set_config(self.msix_cap + 2, 2, MSIX_ENABLE)

    def post(self, queue: int, out: list[tuple[int, int]], into: list[tuple[int, int]]) -> None:
        """Make a chain available at descriptor 0 of this queue and notify."""
        self.make_available(queue, out, into)
        mmio.write(self.core, self.caps[CAP_NOTIFY] + self.multiplier * queue, 2, queue)

    def make_available(
        self, queue: int, out: list[tuple[int, int]], into: list[tuple[int, int]], first: int = 0
    ) -> None:
        """Write a chain from descriptor ``first`` on and publish it."""
        desc, avail, _ = self.ring(queue)
        parts = [(*part, 0) for part in out] + [(*part, DESC_F_WRITE) for part in into]
        for index, (addr, size, flags) in enumerate(parts, start=first):
            more = DESC_F_NEXT if index + 1 < first + len(parts) else 0
            ram.write(
                desc + 16 * index, bytes(VirtqDesc(addr, size, flags | more, (index + 1) & 0xFFFF))
            )
        place = avail + RING_OFFSET + 2 * (self.avail_idx[queue] % self.size)
        ram.write(place, first.to_bytes(2, "little"))
        self.avail_idx[queue] = (self.avail_idx[queue] + 1) & 0xFFFF
        ram.write(avail + 2, self.avail_idx[queue].to_bytes(2, "little"))

    def done(self, queue: int) -> int | None:
        """Return the bytes written into the next used chain, None if there is none."""
        _, _, used = self.ring(queue)
        if int.from_bytes(ram.read(used + 2, 2), "little") == self.used_idx[queue]:
            return None
        place = used + RING_OFFSET + 8 * (self.used_idx[queue] % self.size)
        self.used_idx[queue] = (self.used_idx[queue] + 1) & 0xFFFF
        return int.from_bytes(ram.read(place + 4, 4), "little")

    def wait(self, queue: int, turn: Callable[[], None]) -> int:
        """Wait for a used chain, calling ``turn`` meanwhile; return the bytes written."""
        while (written := self.done(queue)) is None:
            turn()
        return written
