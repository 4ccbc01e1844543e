"""The map of a file's blocks, walked back as the specification says."""

import pytest

from mpkernel.fs.ext2.layout import DIRECT_BLOCKS, Inode
from mpkernel.tools.ext2_block_map import BlockMap
from mpkernel.tools.ext2_geometry import Allocator, plan

PER_BLOCK = 256  #: block numbers in a 1 KiB block
TRIPLE = DIRECT_BLOCKS + PER_BLOCK + PER_BLOCK**2


def _look_up(inode: Inode, block_map: BlockMap, index: int) -> int:
    """The block of ``index``, by the limits of each level written out."""
    if index < 12:
        return inode.i_block[index]
    if index < 12 + 256:
        return block_map.tables[inode.i_block[12]][index - 12]
    if index < 12 + 256 + 65536:
        index -= 12 + 256
        return block_map.tables[block_map.tables[inode.i_block[13]][index >> 8]][index & 255]
    index -= 12 + 256 + 65536
    top = block_map.tables[inode.i_block[14]]
    middle = block_map.tables[top[index >> 16]]
    return block_map.tables[middle[index >> 8 & 255]][index & 255]


@pytest.mark.parametrize(
    ("indexes", "tables"),
    [([0, 11], 0), ([11, 12, 267], 1), ([268], 2), ([12, 268, 523, 524], 4),
     ([TRIPLE - 1, TRIPLE], 5), ([0, TRIPLE + 65536, TRIPLE + 2 * 65536 - 1], 4)],
)  # fmt: skip
def test_each_block_is_found_where_it_was_entered(indexes: list[int], tables: int) -> None:
    inode = Inode()
    block_map = BlockMap(inode, Allocator(plan(1 << 20, 1024, 1)), 1024)
    blocks = [block_map.take(index) for index in indexes]
    assert [_look_up(inode, block_map, index) for index in indexes] == blocks
    assert len(block_map.tables) == tables
    assert block_map.taken == len(indexes) + tables
    assert len({*blocks, *block_map.tables}) == block_map.taken
