"""A volume: where its inodes and blocks lie, read through whoever can read bytes of the device.

The same code reads a disk through the page cache of its device, and a plain host file in tests.

    superblock -> group descriptors -> inode table -> Inode -> i_block -> blocks    (block_map)

State: none; a Volume is made from the superblock whenever one is needed. Context: task, may sleep.
"""

from typing import Protocol

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.ext2.geometry import Geometry, VolumeError, check, parse_superblock
from mpkernel.fs.ext2.layout import (
    GOOD_OLD_INODE_SIZE,
    MODE_DIRECTORY,
    MODE_KIND_MASK,
    MODE_REGULAR,
    ROOT_INO,
    SUPERBLOCK_OFFSET,
    SUPERBLOCK_SIZE,
    GroupDescriptor,
    Inode,
)


class ByteReader(Protocol):
    """Bytes of a block device, or of a file that stands for one."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the device."""

    async def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes at ``offset``, fewer only beyond the end; SysError(EIO) if they fail."""


class Volume:
    """An ext2 volume that is only read."""

    __slots__ = ("geometry", "reader")

    def __init__(self, reader: ByteReader, geometry: Geometry) -> None:
        self.reader = reader
        self.geometry = geometry

    async def block(self, number: int) -> bytes:
        """The bytes of a block of metadata.

        Raises:
            SysError: EIO, the number is none of this volume's, or the device failed.
        """
        geometry = self.geometry
        if not geometry.first_data_block <= number < geometry.blocks:
            raise SysError(Errno.EIO)
        size = geometry.block_size
        return await self.reader.read(number * size, size)

    async def inode(self, ino: int) -> Inode:
        """Copy of an inode.

        Raises:
            SysError: EIO, there is no such inode, or the device failed.
        """
        geometry = self.geometry
        if not 1 <= ino <= geometry.inodes:
            raise SysError(Errno.EIO)
        group, index = divmod(ino - 1, geometry.inodes_per_group)
        table = (await self._descriptor(group)).bg_inode_table
        offset = table * geometry.block_size + index * geometry.inode_bytes
        if not geometry.first_data_block < table < geometry.blocks:
            raise SysError(Errno.EIO)
        data = await self.reader.read(offset, GOOD_OLD_INODE_SIZE)
        if len(data) < GOOD_OLD_INODE_SIZE:
            raise SysError(Errno.EIO)
        return Inode.from_buffer_copy(data)

    def size_of(self, inode: Inode) -> int:
        """Bytes of the file that ``inode`` describes."""
        size: int = inode.i_size
        if self.geometry.has_large_files and inode.i_mode & MODE_KIND_MASK == MODE_REGULAR:
            size |= inode.i_dir_acl << 32
        return size

    async def _descriptor(self, group: int) -> GroupDescriptor:
        geometry = self.geometry
        offset = geometry.descriptor_block * geometry.block_size + group * GroupDescriptor.SIZE
        data = await self.reader.read(offset, GroupDescriptor.SIZE)
        if len(data) < GroupDescriptor.SIZE:
            raise SysError(Errno.EIO)
        return GroupDescriptor.from_buffer_copy(data)


async def open_volume(reader: ByteReader) -> Volume:
    """The volume on a device, its superblock, descriptors and root looked at.

    Raises:
        VolumeError: it cannot be mounted; the text says why.
        SysError: EIO, the device failed.
    """
    superblock = await reader.read(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE)
    volume = Volume(reader, parse_superblock(superblock, reader.size_bytes))
    try:
        root = await volume.inode(ROOT_INO)
    except SysError:
        raise VolumeError("the root directory's inode cannot be read") from None
    check(root.i_mode & MODE_KIND_MASK == MODE_DIRECTORY, "the root inode is no directory")
    return volume
