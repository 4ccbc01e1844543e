"""Where an ext2 image of a given size keeps its block groups, and which blocks are free.

A group is [superblock, descriptors] in some groups, then block bitmap, inode bitmap, inode table,
then data. Blocks and inodes are handed out in order and never returned, because an image is
written once.

Spec: mpkernel.fs.ext2.layout. State: the counters of one writer. Context: the host.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mpkernel.fs.ext2.layout import (
    GOOD_OLD_FIRST_INO,
    GOOD_OLD_INODE_SIZE,
    GroupDescriptor,
    has_superblock,
)
from mpkernel.tools.file_tree import ImageError

#: A last group with fewer free blocks than this is left out.
_LEAST_GROUP_BLOCKS: Final = 8
#: One inode for this many bytes, if the files do not need more.
_BYTES_PER_INODE: Final = 8192


@dataclass(frozen=True)
class Geometry:
    """The fixed numbers of an image."""

    block_size: int
    blocks: int  #: in all, the boot block too
    inodes_per_group: int

    @property
    def first_data_block(self) -> int:
        """The block that holds the superblock."""
        return 1 if self.block_size == 1024 else 0

    @property
    def blocks_per_group(self) -> int:
        """As many as one block of bitmap has bits."""
        return 8 * self.block_size

    @property
    def groups(self) -> int:
        """Number of block groups."""
        return -(-(self.blocks - self.first_data_block) // self.blocks_per_group)

    @property
    def descriptor_blocks(self) -> int:
        """Blocks of one copy of the group descriptors."""
        return -(-self.groups * GroupDescriptor.SIZE // self.block_size)

    @property
    def inode_table_blocks(self) -> int:
        """Blocks of one group's inode table."""
        return -(-self.inodes_per_group * GOOD_OLD_INODE_SIZE // self.block_size)

    @property
    def inodes(self) -> int:
        """Inodes in all."""
        return self.inodes_per_group * self.groups

    def group_start(self, group: int) -> int:
        """First block of a group."""
        return self.first_data_block + group * self.blocks_per_group

    def group_end(self, group: int) -> int:
        """First block behind a group."""
        return min(self.group_start(group + 1), self.blocks)

    def bitmaps(self, group: int) -> int:
        """The block bitmap's block; the inode bitmap and the inode table follow."""
        copies = 1 + self.descriptor_blocks if has_superblock(group, is_sparse=True) else 0
        return self.group_start(group) + copies

    def data_start(self, group: int) -> int:
        """First block of a group that may hold data."""
        return self.bitmaps(group) + 2 + self.inode_table_blocks

    def inode_offset(self, number: int) -> int:
        """Byte of the image where an inode lies."""
        group, index = divmod(number - 1, self.inodes_per_group)
        return (self.bitmaps(group) + 2) * self.block_size + index * GOOD_OLD_INODE_SIZE


def plan(size_bytes: int, block_size: int, files: int) -> Geometry:
    """Geometry for an image of ``size_bytes`` that must hold ``files`` inodes of its own.

    Raises:
        ImageError: the size is too small or too large.
    """
    blocks = size_bytes // block_size
    if blocks >= 1 << 32:
        raise ImageError(f"{size_bytes} bytes are too many for {block_size}-byte blocks")
    while True:
        first = Geometry(block_size, blocks, 0)
        wanted = max(files + GOOD_OLD_FIRST_INO - 1, size_bytes // _BYTES_PER_INODE, 16)
        geometry = Geometry(block_size, blocks, _inodes_per_group(first, wanted))
        last = geometry.groups - 1
        if last < 0 or geometry.data_start(0) > geometry.group_end(0):
            raise ImageError(f"{size_bytes} bytes are too few for an ext2 image of {files} files")
        if geometry.data_start(last) + _LEAST_GROUP_BLOCKS <= geometry.group_end(last):
            break
        if last == 0:
            raise ImageError(f"{size_bytes} bytes are too few for an ext2 image of {files} files")
        blocks = geometry.group_start(last)
    if geometry.inodes < files + GOOD_OLD_FIRST_INO - 1:
        raise ImageError(f"{size_bytes} bytes are too few for an ext2 image of {files} files")
    return geometry


def _inodes_per_group(geometry: Geometry, wanted: int) -> int:
    """Enough for ``wanted`` in all; whole blocks of the table, at most a bitmap full."""
    in_block = geometry.block_size // GOOD_OLD_INODE_SIZE
    each = -(-wanted // max(geometry.groups, 1))
    each = -(-each // in_block) * in_block
    return min(each, 8 * geometry.block_size)


class Allocator:
    """Hands out the data blocks of an image in order."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._blocks = self._data_blocks()
        #: Each group's first free block.
        self.free_from = [geometry.data_start(group) for group in range(geometry.groups)]

    def take(self) -> int:
        """The next free block.

        Raises:
            ImageError: the image is full.
        """
        block = next(self._blocks, None)
        if block is None:
            size = self._geometry.blocks * self._geometry.block_size
            raise ImageError(f"the files do not fit an image of {size} bytes")
        group = (block - self._geometry.first_data_block) // self._geometry.blocks_per_group
        self.free_from[group] = block + 1
        return block

    def _data_blocks(self) -> Iterator[int]:
        for group in range(self._geometry.groups):
            yield from range(self._geometry.data_start(group), self._geometry.group_end(group))
