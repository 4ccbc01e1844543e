"""Pages of ext2 files, read from the device straight into the frame.

A page is one to four blocks; neighbours on the disk are read by one request, holes are zeroed.

Spec: The Second Extended File System, 3.4. State: RAM (inodes). Locks: none. Context: task, sleeps.
"""

from hw.spec.address import PAGE_SIZE
from mpkernel.arch import memory
from mpkernel.block import device as block_device
from mpkernel.fs.block_file import SECTOR_BYTES, read_sectors
from mpkernel.fs.ext2.block_map import block_of
from mpkernel.fs.ext2.mounted import Ext2Mount, disk_inode_of, volume_of
from mpkernel.fs.inode import Inode, get_inode, put_inode
from mpkernel.trace import events


class Ext2Source:
    """Fills pages of a file's cache."""

    async def read_page(self, owner: int, index: int, frame: int) -> None:
        """Read page ``index`` of the file whose inode is ``owner``.

        Raises:
            SysError: EIO.
        """
        inode = Inode.at(owner)
        events.record(events.FILE_PAGE, inode.ino, index)
        volume, raw = volume_of(inode.volume), disk_inode_of(inode)
        size = volume.geometry.block_size
        first = index * PAGE_SIZE // size
        last = min(first + PAGE_SIZE // size, -(-inode.cache.size_bytes // size))
        blocks = [await block_of(volume, raw, number) for number in range(first, last)]
        state = Ext2Mount.at(inode.volume)
        device = block_device.by_index(Inode.at(state.block_inode).device_id)
        at = 0
        while at < len(blocks):
            count = _run_length(blocks, at)
            target = frame + at * size
            if blocks[at]:
                sectors = size // SECTOR_BYTES
                await read_sectors(device, blocks[at] * sectors, count * sectors, target)
            else:
                memory.zero(target, count * size)
            at += count
        end = min(PAGE_SIZE, max(0, inode.cache.size_bytes - index * PAGE_SIZE))
        memory.zero(frame + end, PAGE_SIZE - end)  # beyond the file's end, whatever the disk says

    def hold(self, owner: int) -> None:
        """A mapping holds the inode."""
        get_inode(Inode.at(owner))

    def drop(self, owner: int) -> None:
        """The mapping is gone."""
        put_inode(Inode.at(owner))


def _run_length(blocks: list[int], at: int) -> int:
    """How many blocks from ``at`` on are neighbours on the disk, or all holes."""
    count = 1
    while at + count < len(blocks):
        expected = blocks[at] + count if blocks[at] else 0
        if blocks[at + count] != expected:
            break
        count += 1
    return count
