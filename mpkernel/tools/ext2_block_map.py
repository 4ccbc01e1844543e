"""The block map of one file while it is written: direct to triple indirect blocks.

Hosts are little-endian (x86-64), as the disk is; so tables are written as they lie in memory.

Spec: mpkernel.fs.ext2.layout, i_block. State: one file's. Context: the host.
"""

import array
from typing import TypeAlias

from mpkernel.fs.ext2 import layout as ext2
from mpkernel.tools.ext2_geometry import Allocator

#: A block of block numbers (the type takes no parameter when run by Python 3.11).
Table: TypeAlias = "array.array[int]"


class BlockMap:
    """Takes the blocks of one file, and the blocks of block numbers that lead to them."""

    def __init__(self, inode: ext2.Inode, allocator: Allocator, block_size: int) -> None:
        self._inode = inode
        self._allocator = allocator
        self._fan_out = block_size // 4
        self.tables: dict[int, Table] = {}
        self.taken = 0

    @staticmethod
    def capacity(block_size: int) -> int:
        """Bytes of the largest file."""
        fan_out = block_size // 4
        blocks = ext2.DIRECT_BLOCKS + fan_out + fan_out**2 + fan_out**3
        return min(blocks * block_size, ((1 << 32) - 1) * ext2.SECTOR_SIZE)

    def take(self, index: int) -> int:
        """A block for the file's block ``index``, entered in the map."""
        if index < ext2.DIRECT_BLOCKS:
            block = self._inode.i_block[index] = self._take()
            return block
        index -= ext2.DIRECT_BLOCKS
        depth = 1
        while index >= self._fan_out**depth:
            index -= self._fan_out**depth
            depth += 1
        root = ext2.DIRECT_BLOCKS + depth - 1
        if not self._inode.i_block[root]:
            self._inode.i_block[root] = self._take_table()
        table = self.tables[self._inode.i_block[root]]
        for level in range(depth - 1, 0, -1):
            slot = index // self._fan_out**level % self._fan_out
            if not table[slot]:
                table[slot] = self._take_table()
            table = self.tables[table[slot]]
        block = table[index % self._fan_out] = self._take()
        return block

    def _take(self) -> int:
        self.taken += 1
        return self._allocator.take()

    def _take_table(self) -> int:
        block = self._take()
        self.tables[block] = array.array("I", bytes(4 * self._fan_out))
        return block
