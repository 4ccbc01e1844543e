"""Virtio over PCI: the registers a driver sees behind BAR 0, and how a device interrupts.

    0x0000 common configuration     0x2000 device configuration
    0x1000 ISR (reading clears)     0x3000 notification, 4 bytes a queue

Spec: virtio 1.2, 4.1. State: board memory (hw.virtio.state).
Locks: the function's raw lock. Context: the accessing core; ``interrupt_*`` the device process.
"""

from typing import Final

from hw.bus import device_work, msix, pci_function
from hw.bus.pci_function import FUNCTIONS, Capability, Identity
from hw.irq import io_apic
from hw.spec.pci import CAP_ID_VENDOR, COMMAND_INTX_DISABLE
from hw.spec.virtio import (
    CAP_COMMON,
    CAP_DEVICE,
    CAP_ISR,
    CAP_NOTIFY,
    CAP_PCI_CFG,
    F_VERSION_1,
    ISR_CONFIG,
    ISR_QUEUE,
    NO_VECTOR,
    STATUS_DRIVER_OK,
    STATUS_NEEDS_RESET,
    VIRTIO_DEVICE_ID_BASE,
    VIRTIO_VENDOR_ID,
    CommonConfig,
    VirtioPciCap,
    VirtioPciCfgCap,
    VirtioPciNotifyCap,
)
from hw.virtio import state as virtio_state
from hw.virtio.common_config import COMMON
from hw.virtio.state import DEVICES, QUEUES

BAR: Final = 0
MSIX_BAR: Final = 2
COMMON_OFFSET: Final = 0x0000
ISR_OFFSET: Final = 0x1000
DEVICE_OFFSET: Final = 0x2000
NOTIFY_OFFSET: Final = 0x3000
NOTIFY_MULTIPLIER: Final = 4

_LOW: Final = 0xFFFF_FFFF


def define(slot: int, identity: Identity, offered: int, queues: int, config: bytes) -> None:
    """Plug a virtio device into a slot; its type is the PCI device id's."""
    kind = identity.device_id - VIRTIO_DEVICE_ID_BASE
    virtio_state.define(slot, kind, offered | F_VERSION_1, queues, config)
    structures = (
        (CAP_COMMON, COMMON_OFFSET, CommonConfig.SIZE),
        (CAP_ISR, ISR_OFFSET, 4),
        (CAP_DEVICE, DEVICE_OFFSET, max(len(config), 4)),
    )
    capabilities = [
        Capability(bytes(_cap(cfg_type, offset, length, VirtioPciCap.SIZE)))
        for cfg_type, offset, length in structures
    ]
    notify = _cap(CAP_NOTIFY, NOTIFY_OFFSET, NOTIFY_MULTIPLIER * queues, VirtioPciNotifyCap.SIZE)
    capabilities.append(Capability(bytes(VirtioPciNotifyCap(notify, NOTIFY_MULTIPLIER))))
    access = VirtioPciCfgCap(_cap(CAP_PCI_CFG, 0, 0, VirtioPciCfgCap.SIZE), 0)
    writable = VirtioPciCfgCap(VirtioPciCap(bar=0xFF, offset=_LOW, length=_LOW), _LOW)
    capabilities.append(Capability(bytes(access), bytes(writable)))
    vectors = min(queues + 1, msix.MAX_VECTORS)
    capabilities.append(Capability(*msix.capability(vectors, MSIX_BAR)))
    offsets = pci_function.define(slot, identity, (BAR, MSIX_BAR), capabilities)
    function = FUNCTIONS[slot]
    function.access_data = offsets[-2] + VirtioPciCfgCap.offset_of("data")
    function.msix_cap = offsets[-1]
    function.msix_vectors = vectors
    msix.reset(slot)


def identity(kind: int, class_code: int, subclass: int = 0) -> Identity:
    """Return who a virtio device of a type is on the bus."""
    return Identity(VIRTIO_VENDOR_ID, VIRTIO_DEVICE_ID_BASE + kind, class_code, subclass, kind)


def _cap(cfg_type: int, offset: int, length: int, size: int) -> VirtioPciCap:
    return VirtioPciCap(
        cap_vndr=CAP_ID_VENDOR,
        cap_len=size,
        cfg_type=cfg_type,
        bar=BAR,
        offset=offset,
        length=length,
    )


# -- BAR 0 -----------------------------------------------------------------------------------------


def read(slot: int, offset: int, size: int) -> int:
    """Read a register behind BAR 0."""
    if offset < ISR_OFFSET:
        with FUNCTIONS[slot].lock:
            return COMMON.read(slot, offset, size)
    if offset == ISR_OFFSET:
        with FUNCTIONS[slot].lock:
            value = DEVICES[slot].isr.xchg(0)
            io_apic.set_line(pci_function.line_of(slot), slot, high=False)
        return value
    state = DEVICES[slot]
    inside = offset - DEVICE_OFFSET
    if 0 <= inside < state.config_size:
        end = min(inside + size, state.config_size)
        return int.from_bytes(bytes(state.config[inside:end]), "little")
    return 0


def write(slot: int, offset: int, size: int, value: int) -> None:
    """Write a register behind BAR 0; device configuration is read-only."""
    if offset >= NOTIFY_OFFSET:
        notify(slot, (offset - NOTIFY_OFFSET) // NOTIFY_MULTIPLIER)
    elif offset < ISR_OFFSET:
        with FUNCTIONS[slot].lock:
            COMMON.write(slot, offset, size, value)


def notify(slot: int, queue: int) -> None:
    """Tell the device that a queue has buffers."""
    state = DEVICES[slot]
    if queue < state.queue_count and state.status & STATUS_DRIVER_OK:
        state.notified.or_(1 << queue)
        device_work.post(slot)


# -- towards the driver ----------------------------------------------------------------------------


def interrupt_queue(slot: int, queue: int) -> None:
    """Tell the driver that a queue has used buffers."""
    _interrupt(slot, QUEUES[slot][queue].msix_vector, ISR_QUEUE)


def interrupt_config(slot: int) -> None:
    """Tell the driver that the device configuration changed."""
    DEVICES[slot].generation = (DEVICES[slot].generation + 1) & 0xFF
    _interrupt(slot, DEVICES[slot].config_msix_vector, ISR_CONFIG)


def fail(slot: int) -> None:
    """Say that the driver broke the rules and must reset the device (2.1.2)."""
    state = DEVICES[slot]
    with FUNCTIONS[slot].lock:
        already = state.status & STATUS_NEEDS_RESET
        state.status |= STATUS_NEEDS_RESET
    if not already:
        interrupt_config(slot)


def _interrupt(slot: int, vector: int, cause: int) -> None:
    if msix.is_enabled(slot):
        if vector != NO_VECTOR:
            msix.signal(slot, vector)
        return
    with FUNCTIONS[slot].lock:
        DEVICES[slot].isr.or_(cause)
        if not pci_function.command_of(slot) & COMMAND_INTX_DISABLE:
            io_apic.set_line(pci_function.line_of(slot), slot, high=True)


def pin_changed(slot: int, *, enabled: bool) -> None:
    """Follow the command register: a pin that is off is low, one that is on shows the ISR."""
    with FUNCTIONS[slot].lock:
        high = enabled and bool(DEVICES[slot].isr.value)
        io_apic.set_line(pci_function.line_of(slot), slot, high=high)
