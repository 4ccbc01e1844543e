"""Block devices: a name, a size, and a driver behind a seam.

    await device.read(by_name("vda"), sector=0, count=8, frame)

A sector is 512 bytes, whatever the disk. Memory is named by physical address.

State: RAM. Locks: none: devices are registered by the one task that probes, before they are used;
counters are statistics. Context: look-ups, any; I/O, task, sleeps.
"""

import ctypes
from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol

from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.seam import Seam
from mpkernel.trace import events

SECTOR_SIZE: Final = 512
MAX_DEVICES: Final = 24
NAME_BYTES: Final = 8

# What a transfer does.
READ: Final = 0
WRITE: Final = 1
FLUSH: Final = 2

# Ids of drivers.
DRIVER_VIRTIO: Final = 1

#: Physical address and bytes, a multiple of the sector's.
Segment = tuple[int, int]


@layout()
class BlockDevice(Layout):
    """A disk."""

    sectors: Annotated[u64, fixed]
    driver_data: Annotated[u64, fixed]  #: the driver's: a physical address
    driver: Annotated[u32, fixed]  #: id in BLOCK_DRIVERS, 0: no device
    read_only: Annotated[u32, fixed]
    name: Annotated[Any, ctypes.c_uint8 * NAME_BYTES, fixed]  #: NUL-padded
    reads: Annotated[u64, atomic]  #: requests (statistics, may lose some)
    writes: Annotated[u64, atomic]
    sectors_read: Annotated[u64, atomic]
    sectors_written: Annotated[u64, atomic]


class BlockDriver(Protocol):
    """What moves the sectors."""

    async def transfer(
        self, device: BlockDevice, operation: int, sector: int, segments: Sequence[Segment]
    ) -> None:
        """Do READ, WRITE or FLUSH; raises SysError(EIO) if the disk cannot."""


#: By driver id.
BLOCK_DRIVERS: Final[Seam[BlockDriver]] = Seam("block drivers")

DEVICES: Final = memory.static_array(BlockDevice, MAX_DEVICES)


def register(driver: int, driver_data: int, sectors: int, *, read_only: bool) -> BlockDevice:
    """Add a disk under the next name: vda, vdb, ...

    Raises:
        SysError: ENOSPC, there are too many.
    """
    for index, device in enumerate(DEVICES):
        if device.driver:
            continue
        device.sectors = sectors
        device.driver_data = driver_data
        device.read_only = read_only
        name = b"vd" + bytes([ord("a") + index])
        ctypes.memmove(device.name, name.ljust(NAME_BYTES, b"\0"), NAME_BYTES)
        device.driver = driver
        return device
    raise SysError(Errno.ENOSPC)


def name_of(device: BlockDevice) -> str:
    """The device's name: "vda"."""
    return bytes(device.name).rstrip(b"\0").decode()


def count() -> int:
    """How many disks there are; ``by_index`` takes numbers below."""
    return sum(1 for device in DEVICES if device.driver)


def by_index(index: int) -> BlockDevice:
    """Disk number ``index``; raises SysError(ENXIO) if there is none."""
    if not 0 <= index < MAX_DEVICES or not DEVICES[index].driver:
        raise SysError(Errno.ENXIO)
    return DEVICES[index]


def by_name(name: str) -> BlockDevice:
    """The disk of that name; raises SysError(ENXIO) if there is none."""
    for device in DEVICES:
        if device.driver and name_of(device) == name:
            return device
    raise SysError(Errno.ENXIO)


async def read(device: BlockDevice, sector: int, sectors: int, address: int) -> None:
    """Read sectors into memory.

    Raises:
        SysError: EIO, beyond the end or the disk failed.
    """
    await read_segments(device, sector, [(address, sectors * SECTOR_SIZE)])


async def write(device: BlockDevice, sector: int, sectors: int, address: int) -> None:
    """Write sectors from memory; durable after ``flush``.

    Raises:
        SysError: EROFS; EIO, beyond the end or the disk failed.
    """
    await write_segments(device, sector, [(address, sectors * SECTOR_SIZE)])


async def read_segments(device: BlockDevice, sector: int, segments: Sequence[Segment]) -> None:
    """Read sectors that follow each other into pieces of memory, in one request."""
    sectors = _checked(device, sector, segments)
    device.reads += 1
    device.sectors_read += sectors
    events.record(events.BLOCK_REQUEST, sector, sectors)
    await BLOCK_DRIVERS[device.driver].transfer(device, READ, sector, segments)


async def write_segments(device: BlockDevice, sector: int, segments: Sequence[Segment]) -> None:
    """Write pieces of memory to sectors that follow each other, in one request."""
    sectors = _checked(device, sector, segments)
    if device.read_only:
        raise SysError(Errno.EROFS)
    device.writes += 1
    device.sectors_written += sectors
    await BLOCK_DRIVERS[device.driver].transfer(device, WRITE, sector, segments)


async def flush(device: BlockDevice) -> None:
    """Make all completed writes durable."""
    if not device.read_only:
        await BLOCK_DRIVERS[device.driver].transfer(device, FLUSH, 0, ())


def _checked(device: BlockDevice, sector: int, segments: Sequence[Segment]) -> int:
    """Number of sectors of a request that lies on the disk."""
    size = sum(length for _, length in segments)
    sectors = size // SECTOR_SIZE
    if size % SECTOR_SIZE or not sectors or sector < 0 or sector + sectors > device.sectors:
        raise SysError(Errno.EIO)
    return sectors
