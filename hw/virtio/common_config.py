"""The common configuration registers: features, status, queues.

The status handshake is enforced: features are accepted once and only as offered, VERSION_1 among
them; no queue runs before DRIVER_OK; a reset ends when the device process has let go of the rings,
and until then status reads as it was.

Spec: virtio 1.2, 2.1, 3.1, 4.1.4.3. State: board memory (hw.virtio.state).
Locks: the function's raw lock is held by the caller. Context: the accessing core.
"""

from collections.abc import Callable
from typing import Final

from hw.bus import device_work
from hw.bus.pci_function import FUNCTIONS
from hw.bus.register_map import Register, RegisterMap
from hw.spec.virtio import (
    F_VERSION_1,
    NO_VECTOR,
    STATUS_DRIVER_OK,
    STATUS_FAILED,
    STATUS_FEATURES_OK,
    CommonConfig,
)
from hw.virtio.state import DEVICES, QUEUES, QueueState

_LOW: Final = 0xFFFF_FFFF
_SETTABLE: Final = 0x0F | STATUS_FAILED


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
    """Return a setter of what may change only while the queue is not enabled."""

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


COMMON: Final = RegisterMap(
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
