"""Block devices as files: the pages of a device, which are also the buffer cache of its volume.

State: RAM (an inode for each device, its page cache). Locks: those of the page cache.
Context: task, may sleep.
"""

from typing import Final

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.stat import S_IFBLK, device_number
from mpkernel.arch import memory
from mpkernel.block import device as block_device
from mpkernel.block.device import BlockDevice
from mpkernel.fs.file_system import FS_DEVFS
from mpkernel.fs.inode import Inode, get_inode, new_inode, put_inode

SECTOR_BYTES: Final = 512
SECTORS_PER_PAGE: Final = PAGE_SIZE // SECTOR_BYTES
#: Key of BlockSource in PAGE_SOURCES.
SOURCE_BLOCK: Final = 4
#: Major number of virtio disks (Linux hands it out dynamically; this is its usual one).
BLOCK_MAJOR: Final = 254


def new_block_inode(index: int) -> Inode:
    """The file of block device ``index``, with a reference for the caller.

    Raises:
        SysError: ENOMEM.
    """
    inode = new_inode(FS_DEVFS, S_IFBLK | 0o600, source=SOURCE_BLOCK)
    inode.device_id = index
    inode.device = device_number(BLOCK_MAJOR, 16 * index)
    inode.cache.size_bytes = block_device.by_index(index).sectors * SECTOR_BYTES
    return inode


class BlockSource:
    """Fills pages of a device's cache from the device."""

    async def read_page(self, owner: int, index: int, frame: int) -> None:
        """Read page ``index`` of the device whose inode is ``owner``."""
        device = block_device.by_index(Inode.at(owner).device_id)
        await read_sectors(device, index * SECTORS_PER_PAGE, SECTORS_PER_PAGE, frame)

    def hold(self, owner: int) -> None:
        """A mapping holds the inode."""
        get_inode(Inode.at(owner))

    def drop(self, owner: int) -> None:
        """The mapping is gone."""
        put_inode(Inode.at(owner))


async def read_sectors(device: BlockDevice, sector: int, count: int, target: int) -> None:
    """Read sectors to physical memory; what lies beyond the device's end reads as zero.

    Raises:
        SysError: EIO.
    """
    there = max(0, min(count, device.sectors - sector))
    if there:
        await block_device.read(device, sector, there, target)
    if there < count:
        memory.zero(target + there * SECTOR_BYTES, (count - there) * SECTOR_BYTES)
