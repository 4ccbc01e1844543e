"""Disk driver: a request is a chain, its sender sleeps in it until the interrupt.

    header (16 bytes) -> data pieces -> status byte        one BlkSlot a chain, by its head
    sender: slot, post, notify, sleep      interrupt: mark the slot, wake      sender: status, free

A queue a CPU, as far as the device has them: the interrupt comes to the CPU where the sender
sleeps.

Spec: virtio 1.2, 5.2. State: RAM (BlkDisk, BlkSlot, Virtqueue). Locks: Virtqueue.lock.
Context: transfer, task; on_interrupt, interrupt.
"""

import ctypes
from collections.abc import Sequence
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, atomic, fixed, layout, u8, u32, u64
from hw.spec.virtio import (
    BLK_F_BLK_SIZE,
    BLK_F_FLUSH,
    BLK_F_MQ,
    BLK_F_RO,
    BLK_F_SEG_MAX,
    BLK_S_OK,
    BLK_S_UNSUPP,
    BLK_T_FLUSH,
    BLK_T_IN,
    BLK_T_OUT,
    TYPE_BLK,
    BlkConfigBody,
    BlkRequest,
)
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.arch.cpu import cpu
from mpkernel.block import device as block
from mpkernel.block.device import BlockDevice, Segment
from mpkernel.drivers.pci import PciFunction
from mpkernel.drivers.virtio import transport
from mpkernel.drivers.virtio.queue import SIZE, Part, Virtqueue, zero_frames
from mpkernel.drivers.virtio.transport import Transport
from mpkernel.irq.vectors import HANDLER_BLK
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.trace import events, log

MAX_QUEUES: Final = 4
#: Pieces of data in a chain, beside header and status.
_MAX_SEGMENTS: Final = SIZE - 2
_KINDS: Final = {block.READ: BLK_T_IN, block.WRITE: BLK_T_OUT, block.FLUSH: BLK_T_FLUSH}
_NO_STATUS: Final = 0xFF


@layout(size=128)
class BlkSlot(Layout):
    """The memory of one request; number = head of its chain."""

    header: BlkRequest
    waiter: WaitQueue  #: the sender
    is_done: Annotated[u32, atomic]  #: 1 once the device has given the chain back
    status: u8  #: BLK_S_*, written by the device
    reserved_0x04d: u8
    reserved_0x04e: Annotated[Any, ctypes.c_uint8 * 50]


@layout()
class BlkDisk(Layout):
    """A disk's queues."""

    queues: Annotated[Any, ctypes.c_uint64 * MAX_QUEUES, fixed]  #: Virtqueue
    queue_count: Annotated[u32, fixed]
    has_flush: Annotated[u32, fixed]
    device: Annotated[u64, fixed]  #: BlockDevice


DISKS: Final = memory.static_array(BlkDisk, block.MAX_DEVICES)

_STATUS: Final = BlkSlot.offset_of("status")


class VirtioBlk:
    """The driver, towards the bus and towards the block layer; holds nothing."""

    name = "virtio-blk"

    def matches(self, function: PciFunction) -> bool:
        """Whether this is a virtio disk."""
        return transport.is_virtio(function, TYPE_BLK)

    async def probe(self, function: PciFunction) -> None:
        """Bring a disk up and register it."""
        device = Transport(function)
        features = device.negotiate(
            BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_MQ | BLK_F_RO
        )
        disk = next((one for one in DISKS if not one.queue_count), None)
        if disk is None:
            raise SysError(Errno.ENOSPC)
        queues = 1
        if features & BLK_F_MQ:
            queues = device.config(BlkConfigBody.offset_of("num_queues"), 2)
        queues = max(1, min(queues, MAX_QUEUES, device.queue_count))
        for index in range(queues):
            queue = device.add_queue(index, HANDLER_BLK)
            queue.buffers = zero_frames(SIZE * BlkSlot.SIZE >> 12)
            for number in range(SIZE):
                BlkSlot.at(queue.buffers + BlkSlot.SIZE * number).waiter.init(ranks.REQUEST_DONE)
            disk.queues[index] = queue.phys
        device.start()
        disk.has_flush = bool(features & BLK_F_FLUSH)
        sectors = device.config(BlkConfigBody.offset_of("capacity_low"), 4)
        sectors |= device.config(BlkConfigBody.offset_of("capacity_high"), 4) << 32
        disk.queue_count = queues
        function.driver_data = disk.phys
        registered = block.register(
            block.DRIVER_VIRTIO, disk.phys, sectors, read_only=bool(features & BLK_F_RO)
        )
        disk.device = registered.phys
        log.info(
            f"{block.name_of(registered)}: {sectors // 2} KiB, {queues} queues"
            f"{', read-only' if registered.read_only else ''}"
        )

    def spread(self, function: PciFunction, cpus: list[int]) -> None:
        """Let queue n interrupt the CPUs' nth."""
        disk = BlkDisk.at(function.driver_data)
        for index in range(disk.queue_count):
            transport.route(Virtqueue.at(disk.queues[index]), cpus[index % len(cpus)])

    async def transfer(
        self, device: BlockDevice, operation: int, sector: int, segments: Sequence[Segment]
    ) -> None:
        """Do one request; what is too long for a chain goes in several."""
        disk = BlkDisk.at(device.driver_data)
        if operation == block.FLUSH and not disk.has_flush:
            return
        rest = list(segments)
        while True:
            piece, rest = rest[:_MAX_SEGMENTS], rest[_MAX_SEGMENTS:]
            await _request(disk, _KINDS[operation], sector, piece)
            if not rest:
                return
            sector += sum(length for _, length in piece) // block.SECTOR_SIZE


async def _request(disk: BlkDisk, kind: int, sector: int, segments: list[Segment]) -> None:
    """Post a chain, sleep until the device has done it, look at its status."""
    queue = Virtqueue.at(disk.queues[cpu().index % disk.queue_count])
    needed = len(segments) + 2
    slot = None
    while slot is None:
        with queue.lock.irqsave():
            if queue.free_count >= needed:
                head, slot = _post_locked(queue, kind, sector, segments)
        if slot is None:
            await queue.wait_for_room(needed)
    queue.notify()
    await slot.waiter.wait_until(lambda: slot.is_done, interruptible=False)
    status = slot.status
    with queue.lock.irqsave():
        queue.release_locked(head)
    if not queue.space.is_empty():
        queue.space.wake_all()
    if status != BLK_S_OK:
        raise SysError(Errno.ENOTSUP if status == BLK_S_UNSUPP else Errno.EIO)


def _post_locked(
    queue: Virtqueue, kind: int, sector: int, segments: list[Segment]
) -> tuple[int, BlkSlot]:
    """Fill the slot of the next chain and post it; return head and slot."""
    events.record(events.DRIVER_REQUEST, sector, queue.free_head)
    slot = BlkSlot.at(queue.buffers + BlkSlot.SIZE * queue.free_head)
    slot.header.type = kind
    slot.header.sector = sector
    slot.is_done = 0
    slot.status = _NO_STATUS
    device_writes = kind == BLK_T_IN
    parts: list[Part] = [(slot.phys, BlkRequest.SIZE, False)]
    parts += [(address, size, device_writes) for address, size in segments]
    parts.append((slot.phys + _STATUS, 1, True))
    return queue.post_locked(parts), slot


def on_interrupt(queue_at: int) -> None:
    """The device has given chains back: wake their senders."""
    queue = Virtqueue.at(queue_at)
    with queue.lock.irqsave():
        while (used := queue.take_used_locked()) is not None:
            slot = BlkSlot.at(queue.buffers + BlkSlot.SIZE * used[0])
            slot.is_done = 1
            slot.waiter.wake_all()


VIRTIO_BLK: Final = VirtioBlk()
