"""Where groups lie, and handing out blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpkernel.tools.ext2_geometry import Allocator, Geometry, plan
from mpkernel.tools.file_tree import ImageError

SIZES = st.integers(64 * 1024, 1 << 34)
BLOCK_SIZES = st.sampled_from([1024, 2048, 4096])


@given(SIZES, BLOCK_SIZES, st.integers(2, 5000))
def test_groups_do_not_overlap_and_hold_tables(size: int, block_size: int, files: int) -> None:
    try:
        geometry = plan(size, block_size, files)
    except ImageError:
        assert size < files * 128 + 64 * block_size
        return
    assert geometry.blocks <= size // block_size
    assert geometry.inodes >= files + 10
    assert geometry.inodes_per_group <= 8 * block_size
    assert geometry.inodes_per_group * 128 % block_size == 0
    end = geometry.first_data_block
    for group in range(geometry.groups):
        assert geometry.group_start(group) == end
        assert geometry.bitmaps(group) >= end
        assert geometry.data_start(group) <= geometry.group_end(group)
        end = geometry.group_end(group)
    assert end == geometry.blocks


def test_copies_of_the_superblock_stand_in_the_sparse_groups() -> None:
    geometry = Geometry(1024, 8193 * 60, 128)
    with_copy = [
        group for group in range(60) if geometry.bitmaps(group) != geometry.group_start(group)
    ]
    assert with_copy == [0, 1, 3, 5, 7, 9, 25, 27, 49]


def test_blocks_are_handed_out_in_order_until_none_is_left() -> None:
    geometry = plan(9 << 20, 1024, 10)
    allocator = Allocator(geometry)
    expected = [
        block
        for group in range(geometry.groups)
        for block in range(geometry.data_start(group), geometry.group_end(group))
    ]
    assert [allocator.take() for _ in expected] == expected
    with pytest.raises(ImageError, match="do not fit"):
        allocator.take()
    assert allocator.free_from == [geometry.group_end(g) for g in range(geometry.groups)]
