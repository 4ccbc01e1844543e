"""State of the virtio devices: what drivers configured, what devices offer.

Cores write it through the registers (hw.virtio.transport); the device process reads it.

Spec: virtio 1.2, 4.1.4.3. State: board memory (DEVICES, QUEUES).
Locks: the function's raw lock; words marked atomic by atomics. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw import ram
from hw.atomics import AtomicU32, AtomicU64
from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, this_cpu, u16, u32, u64
from hw.spec.pci import DEVICES_PER_BUS
from hw.spec.virtio import MAX_QUEUE_SIZE, NO_VECTOR

MAX_QUEUES: Final = 32
CONFIG_BYTES: Final = 64

_LOCK: Final = guarded_by("FunctionState.lock")


@layout(size=40)
class QueueState(Layout):
    """One queue as the driver set it up."""

    desc: Annotated[u64, _LOCK]
    driver: Annotated[u64, _LOCK]
    device: Annotated[u64, _LOCK]
    size: Annotated[u16, _LOCK]
    msix_vector: Annotated[u16, _LOCK]
    enable: Annotated[u16, atomic]
    max_size: Annotated[u16, fixed]
    next_avail: Annotated[u16, this_cpu]  #: the device's place in the available ring
    next_used: Annotated[u16, this_cpu]
    reserved_0x24: u32


@layout(size=128)
class DeviceState(Layout):
    """One virtio device."""

    type: Annotated[u32, fixed]  #: TYPE_*, 0: no virtio device in this slot
    queue_count: Annotated[u32, fixed]
    offered: Annotated[u64, fixed]  #: features
    accepted: Annotated[u64, _LOCK]  #: features the driver wrote
    feature_select: Annotated[u32, _LOCK]
    driver_feature_select: Annotated[u32, _LOCK]
    status: Annotated[u32, atomic]
    queue_select: Annotated[u16, _LOCK]
    config_msix_vector: Annotated[u16, _LOCK]
    isr: AtomicU32
    generation: Annotated[u32, atomic]
    notified: AtomicU64  #: a bit a queue
    reset_wanted: AtomicU32  #: 1 until the device process has let go of the queues
    config_size: Annotated[u32, fixed]
    config: Annotated[Any, ctypes.c_uint8 * CONFIG_BYTES]


DEVICES: Final = ram.BOARD.place_array(DeviceState, DEVICES_PER_BUS)
QUEUES: Final = tuple(
    ram.BOARD.place_array(QueueState, MAX_QUEUES, align=8) for _ in range(DEVICES_PER_BUS)
)


def clear(slot: int) -> None:
    """Put a device into its state after reset; what it offers stays."""
    state = DEVICES[slot]
    state.accepted = 0
    state.feature_select = state.driver_feature_select = 0
    state.queue_select = 0
    state.config_msix_vector = NO_VECTOR
    state.isr.store(0)
    state.notified.store(0)
    for queue in QUEUES[slot][: state.queue_count]:
        queue.desc = queue.driver = queue.device = 0
        queue.size = queue.max_size
        queue.msix_vector = NO_VECTOR
        queue.enable = queue.next_avail = queue.next_used = 0
    state.reset_wanted.store(0)
    state.status = 0


def define(slot: int, kind: int, offered: int, queues: int, config: bytes) -> None:
    """Say what a device is; called at power-on."""
    state = DEVICES[slot]
    state.type = kind
    state.offered = offered
    state.queue_count = queues
    for queue in QUEUES[slot][:queues]:
        queue.max_size = MAX_QUEUE_SIZE
    state.config_size = len(config)
    for index, byte in enumerate(config):
        state.config[index] = byte
    clear(slot)
