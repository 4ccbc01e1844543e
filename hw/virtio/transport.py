"""Virtio over PCI: the registers a driver sees behind BAR 0, and how a device interrupts.

    0x0000 common configuration     0x2000 device configuration
    0x1000 ISR (reading clears)     0x3000 notification, 4 bytes a queue

The status handshake is enforced: features are accepted once and only as offered, VERSION_1 among
them; no queue runs before DRIVER_OK; a reset ends when the device process has let go of the rings,
and until then status reads as it was.

Spec: virtio 1.2, 2.1, 3.1, 4.1. State: board memory (hw.virtio.state).
Locks: the function's raw lock. Context: the accessing core; ``interrupt_*`` the device process.
"""

from collections.abc import Callable
from typing import Final

from hw.bus import device_work, msix, pci_function
from hw.bus.pci_function import FUNCTIONS, Capability, Identity
from hw.bus.register_map import Register, RegisterMap
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
    STATUS_FAILED,
    STATUS_FEATURES_OK,
    STATUS_NEEDS_RESET,
    VIRTIO_DEVICE_ID_BASE,
    VIRTIO_VENDOR_ID,
    CommonConfig,
    VirtioPciCap,
    VirtioPciCfgCap,
    VirtioPciNotifyCap,
)
from hw.virtio import state as virtio_state
from hw.virtio.state import DEVICES, QUEUES, QueueState

BAR: Final = 0
MSIX_BAR: Final = 2
COMMON_OFFSET: Final = 0x0000
ISR_OFFSET: Final = 0x1000
DEVICE_OFFSET: Final = 0x2000
NOTIFY_OFFSET: Final = 0x3000
NOTIFY_MULTIPLIER: Final = 4

_LOW: Final = 0xFFFF_FFFF
_SETTABLE: Final = 0x0F | STATUS_FAILED


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


# -- common configuration: functions of the slot ---------------------------------------------------


def _queue(slot: int) -> QueueState | None:
    """Return the selected queue, None if there is none of that number."""
    state = DEVICES[slot]
    select = state.queue_select
    return QUEUES[slot][select] if select < state.queue_count else None


def _read_features(slot: int) -> int:
    state = DEVICES[slot]
    return state.offered >> 32 * state.feature_select & _LOW if state.feature_select < 2 else 0


def _read_accepted(slot: int) -> int:
    state = DEVICES[slot]
    select = state.driver_feature_select
    return state.accepted >> 32 * select & _LOW if select < 2 else 0


def _write_accepted(slot: int, value: int) -> None:
    state = DEVICES[slot]
    select = state.driver_feature_select
    if select < 2 and not state.status & STATUS_FEATURES_OK:
        shift = 32 * select
        state.accepted = (state.accepted & ~(_LOW << shift)) | value << shift


def _write_status(slot: int, value: int) -> None:
    state = DEVICES[slot]
    if not value:
        if state.status:
            state.reset_wanted.store(1)
            device_work.post(slot)
        return
    old = state.status
    new = old | (value & _SETTABLE)
    accepted = state.accepted
    acceptable = not accepted & ~state.offered and accepted & F_VERSION_1
    if not old & STATUS_FEATURES_OK and not acceptable:
        new &= ~STATUS_FEATURES_OK
    if not new & STATUS_FEATURES_OK:
        new &= ~STATUS_DRIVER_OK
    state.status = new
    if new & STATUS_DRIVER_OK and not old & STATUS_DRIVER_OK:
        device_work.post(slot)


def _vector(slot: int, value: int) -> int:
    """Return the vector as accepted: NO_VECTOR for one that the table does not have."""
    return value if value < FUNCTIONS[slot].msix_vectors else NO_VECTOR


def _write_config_vector(slot: int, value: int) -> None:
    DEVICES[slot].config_msix_vector = _vector(slot, value)


def _queue_field(name: str) -> Callable[[int], int]:
    def read(slot: int) -> int:
        queue = _queue(slot)
        return getattr(queue, name) if queue else 0

    return read


def _set_queue_field(name: str) -> Callable[[int, int], None]:
    """A setter of what may change only while the queue is not enabled."""

    def write(slot: int, value: int) -> None:
        queue = _queue(slot)
        if queue and not queue.enable:
            setattr(queue, name, value)

    return write


def _write_queue_size(slot: int, value: int) -> None:
    queue = _queue(slot)
    power_of_two = value and not value & (value - 1)
    if queue and not queue.enable and power_of_two and value <= queue.max_size:
        queue.size = value


def _write_queue_vector(slot: int, value: int) -> None:
    queue = _queue(slot)
    if queue:
        queue.msix_vector = _vector(slot, value)


def _write_queue_enable(slot: int, value: int) -> None:
    queue = _queue(slot)
    if queue and value == 1 and DEVICES[slot].status & STATUS_FEATURES_OK:
        queue.enable = 1


def _device_field(name: str) -> Callable[[int], int]:
    def read(slot: int) -> int:
        value: int = getattr(DEVICES[slot], name)
        return value

    return read


def _set_device_field(name: str) -> Callable[[int, int], None]:
    def write(slot: int, value: int) -> None:
        setattr(DEVICES[slot], name, value)

    return write


def _register(
    name: str,
    size: int,
    read: Callable[[int], int],
    write: Callable[[int, int], None] | None = None,
) -> Register[int]:
    return Register(CommonConfig.offset_of(name), size, read, write)


_COMMON: Final = RegisterMap(
    [
        _register(
            "device_feature_select",
            4,
            _device_field("feature_select"),
            _set_device_field("feature_select"),
        ),
        _register("device_feature", 4, _read_features),
        _register(
            "driver_feature_select",
            4,
            _device_field("driver_feature_select"),
            _set_device_field("driver_feature_select"),
        ),
        _register("driver_feature", 4, _read_accepted, _write_accepted),
        _register(
            "config_msix_vector", 2, _device_field("config_msix_vector"), _write_config_vector
        ),
        _register("num_queues", 2, _device_field("queue_count")),
        _register("device_status", 1, _device_field("status"), _write_status),
        _register("config_generation", 1, _device_field("generation")),
        _register(
            "queue_select", 2, _device_field("queue_select"), _set_device_field("queue_select")
        ),
        _register("queue_size", 2, _queue_field("size"), _write_queue_size),
        _register("queue_msix_vector", 2, _queue_field("msix_vector"), _write_queue_vector),
        _register("queue_enable", 2, _queue_field("enable"), _write_queue_enable),
        _register("queue_notify_off", 2, lambda slot: DEVICES[slot].queue_select),
        _register("queue_desc", 8, _queue_field("desc"), _set_queue_field("desc")),
        _register("queue_driver", 8, _queue_field("driver"), _set_queue_field("driver")),
        _register("queue_device", 8, _queue_field("device"), _set_queue_field("device")),
    ]
)


# -- BAR 0 -----------------------------------------------------------------------------------------


def read(slot: int, offset: int, size: int) -> int:
    """Read a register behind BAR 0."""
    if offset < ISR_OFFSET:
        with FUNCTIONS[slot].lock:
            return _COMMON.read(slot, offset, size)
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
            _COMMON.write(slot, offset, size, value)


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
