"""Block device: requests become operations on an image, which somebody else performs.

    chain -> request -> yields Read | Write | Flush | Zero -> result -> status byte

Sans-I/O: the device process performs the operations with preadv; a hypervisor can await them.
Everything is checked before anything is done.

Spec: virtio 1.2, 5.2. State: none. Context: whoever runs the device.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, TypeAlias

from hw.spec.virtio import (
    BLK_F_BLK_SIZE,
    BLK_F_DISCARD,
    BLK_F_FLUSH,
    BLK_F_MQ,
    BLK_F_RO,
    BLK_F_SEG_MAX,
    BLK_F_WRITE_ZEROES,
    BLK_ID_BYTES,
    BLK_S_IOERR,
    BLK_S_OK,
    BLK_S_UNSUPP,
    BLK_T_DISCARD,
    BLK_T_FLUSH,
    BLK_T_GET_ID,
    BLK_T_IN,
    BLK_T_OUT,
    BLK_T_WRITE_ZEROES,
    F_INDIRECT_DESC,
    MAX_QUEUE_SIZE,
    SECTOR_SIZE,
    BlkConfigBody,
    BlkRange,
    BlkRequest,
)
from hw.virtio.memory import DriverError, GuestMemory
from hw.virtio.queue import Chain, Segment, cut, gather, scatter, size_of

_MAX_RANGES: Final = 16
_MAX_RANGE_SECTORS: Final = 1 << 22


@dataclass(frozen=True)
class Disk:
    """What the device knows of its image."""

    sectors: int
    read_only: bool
    serial: str


@dataclass(frozen=True)
class Read:
    """Read the image at an offset into segments."""

    offset: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Write:
    """Write segments to the image at an offset."""

    offset: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Flush:
    """Make all completed writes durable."""


@dataclass(frozen=True)
class Zero:
    """Make a range read as zeroes; its blocks may be given back."""

    offset: int
    size: int


Operation: TypeAlias = Read | Write | Flush | Zero
#: Yields operations, is sent whether each succeeded, returns the bytes written into the chain.
Steps: TypeAlias = Generator[Operation, bool, int]


def features(disk: Disk) -> int:
    """Return what the device offers."""
    offered = F_INDIRECT_DESC | BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_MQ
    return offered | (BLK_F_RO if disk.read_only else BLK_F_DISCARD | BLK_F_WRITE_ZEROES)


def config(disk: Disk, queues: int) -> bytes:
    """Return the device configuration."""
    return bytes(
        BlkConfigBody(
            capacity_low=disk.sectors & 0xFFFF_FFFF,
            capacity_high=disk.sectors >> 32,
            seg_max=MAX_QUEUE_SIZE - 2,
            blk_size=SECTOR_SIZE,
            num_queues=queues,
            max_discard_sectors=_MAX_RANGE_SECTORS,
            max_discard_seg=_MAX_RANGES,
            discard_sector_alignment=8,
            max_write_zeroes_sectors=_MAX_RANGE_SECTORS,
            max_write_zeroes_seg=_MAX_RANGES,
            write_zeroes_may_unmap=1,
        )
    )


def serve(disk: Disk, memory: GuestMemory, chain: Chain) -> Steps:
    """Serve one request.

    Raises:
        DriverError: there is no header or no room for the status byte.

    """
    room = size_of(chain.writable)
    if size_of(chain.readable) < BlkRequest.SIZE or room < 1:
        raise DriverError("block request without header or status")
    request = BlkRequest.from_buffer_copy(gather(memory, chain.readable, BlkRequest.SIZE))
    data_in = cut(chain.writable, 0, room - 1)
    data_out = cut(chain.readable, BlkRequest.SIZE, size_of(chain.readable) - BlkRequest.SIZE)
    written = 0
    if request.type == BLK_T_GET_ID:
        written = scatter(memory, data_in, disk.serial.encode()[:BLK_ID_BYTES].ljust(20, b"\0"))
        status = BLK_S_OK
    else:
        operations = _operations(disk, memory, request, data_in, data_out)
        if isinstance(operations, int):
            status = operations
        else:
            status = BLK_S_OK
            for operation in operations:
                if not (yield operation):
                    status = BLK_S_IOERR
                    break
            if status == BLK_S_OK and request.type == BLK_T_IN:
                written = room - 1
    scatter(memory, cut(chain.writable, room - 1, 1), bytes([status]))
    return written + 1


def _operations(
    disk: Disk,
    memory: GuestMemory,
    request: BlkRequest,
    data_in: tuple[Segment, ...],
    data_out: tuple[Segment, ...],
) -> list[Operation] | int:
    """Return what to do, or the status of a request that cannot be done."""
    offset = request.sector * SECTOR_SIZE
    if request.type == BLK_T_FLUSH:
        return [Flush()]
    if request.type == BLK_T_IN:
        return (
            [Read(offset, data_in)]
            if _in_range(disk, request.sector, size_of(data_in))
            else (BLK_S_IOERR)
        )
    if request.type not in (BLK_T_OUT, BLK_T_DISCARD, BLK_T_WRITE_ZEROES):
        return BLK_S_UNSUPP
    if disk.read_only:
        return BLK_S_IOERR
    if request.type == BLK_T_OUT:
        return (
            [Write(offset, data_out)]
            if _in_range(disk, request.sector, size_of(data_out))
            else (BLK_S_IOERR)
        )
    return _ranges(disk, gather(memory, data_out, BlkRange.SIZE * (_MAX_RANGES + 1)))


def _ranges(disk: Disk, data: bytes) -> list[Operation] | int:
    """Return the operations of DISCARD or WRITE_ZEROES, whose data are ranges."""
    if not data or len(data) % BlkRange.SIZE or len(data) > BlkRange.SIZE * _MAX_RANGES:
        return BLK_S_IOERR
    operations: list[Operation] = []
    for at in range(0, len(data), BlkRange.SIZE):
        part = BlkRange.from_buffer_copy(data, at)
        size = part.num_sectors * SECTOR_SIZE
        if part.flags & ~1:
            return BLK_S_UNSUPP
        if part.num_sectors > _MAX_RANGE_SECTORS or not _in_range(disk, part.sector, size):
            return BLK_S_IOERR
        operations.append(Zero(part.sector * SECTOR_SIZE, size))
    return operations


def _in_range(disk: Disk, sector: int, size: int) -> bool:
    """Whether whole sectors from ``sector`` on are on the disk."""
    return size % SECTOR_SIZE == 0 and sector + size // SECTOR_SIZE <= disk.sectors
