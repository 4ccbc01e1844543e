"""What the superblock says about a volume, checked before anything is believed.

Hostile images are refused here by name, so that the rest may divide by what it finds.

Spec: The Second Extended File System, 3.1. State: none; a Geometry never changes. Context: any.
"""

from dataclasses import dataclass
from typing import Final

from mpkernel.fs.ext2.layout import (
    DYNAMIC_REV,
    EXT2_MAGIC,
    GOOD_OLD_INODE_SIZE,
    INCOMPAT_FILETYPE,
    INCOMPAT_NAMES,
    RO_COMPAT_LARGE_FILE,
    SUPERBLOCK_SIZE,
    SuperBlock,
)

SUPPORTED_INCOMPAT: Final = INCOMPAT_FILETYPE


class VolumeError(Exception):
    """The bytes are no ext2 volume that can be mounted; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Numbers of a volume, in blocks unless their names say otherwise."""

    block_size: int  #: bytes
    blocks: int
    first_data_block: int
    inodes: int
    inodes_per_group: int
    inode_bytes: int
    groups: int
    has_file_types: bool
    has_large_files: bool
    free_blocks: int
    free_inodes: int

    @property
    def descriptor_block(self) -> int:
        """First block of the group descriptors."""
        return self.first_data_block + 1


def check(condition: object, text: str) -> None:
    """Refuse the volume unless ``condition`` holds.

    Raises:
        VolumeError: with ``text``.
    """
    if not condition:
        raise VolumeError(text)


def parse_superblock(data: bytes, device_bytes: int) -> Geometry:
    """The geometry that a superblock states, for a device of ``device_bytes``.

    Raises:
        VolumeError: it is no superblock, damaged, or of a kind unknown here.
    """
    check(len(data) == SUPERBLOCK_SIZE, "too small for an ext2 superblock")
    block = SuperBlock.from_buffer_copy(data)
    check(block.s_magic == EXT2_MAGIC, "not an ext2 volume (wrong magic number)")
    check(block.s_rev_level <= DYNAMIC_REV, f"unknown ext2 revision {block.s_rev_level}")
    is_dynamic = block.s_rev_level == DYNAMIC_REV
    _check_features(block.s_feature_incompat if is_dynamic else 0)
    check(block.s_log_block_size <= 2, f"block size 1024 << {block.s_log_block_size} is too large")
    size = 1024 << block.s_log_block_size
    first = block.s_first_data_block
    check(first == (1 if size == 1024 else 0), f"first data block {first} does not fit block size")
    per_group, inodes_per_group = block.s_blocks_per_group, block.s_inodes_per_group
    check(0 < per_group <= 8 * size, f"{per_group} blocks a group is impossible")
    check(0 < inodes_per_group <= 8 * size, f"{inodes_per_group} inodes a group is impossible")
    inode_bytes = block.s_inode_size if is_dynamic else GOOD_OLD_INODE_SIZE
    check(
        GOOD_OLD_INODE_SIZE <= inode_bytes <= size and not inode_bytes & (inode_bytes - 1),
        f"inode size {inode_bytes} is impossible",
    )
    blocks = block.s_blocks_count
    check(blocks > first + 1, f"{blocks} blocks are too few")
    check(blocks * size <= device_bytes, f"the volume's {blocks} blocks exceed the device")
    groups = -(-(blocks - first) // per_group)
    check(
        0 < block.s_inodes_count <= groups * inodes_per_group,
        f"{block.s_inodes_count} inodes do not fit {groups} groups",
    )
    return Geometry(
        block_size=size, blocks=blocks, first_data_block=first, inodes=block.s_inodes_count,
        inodes_per_group=inodes_per_group, inode_bytes=inode_bytes, groups=groups,
        has_file_types=bool(is_dynamic and block.s_feature_incompat & INCOMPAT_FILETYPE),
        has_large_files=bool(is_dynamic and block.s_feature_ro_compat & RO_COMPAT_LARGE_FILE),
        free_blocks=block.s_free_blocks_count, free_inodes=block.s_free_inodes_count,
    )  # fmt: skip


def _check_features(incompat: int) -> None:
    unknown = incompat & ~SUPPORTED_INCOMPAT
    names = [INCOMPAT_NAMES.get(bit, f"bit {bit}") for bit in range(32) if unknown >> bit & 1]
    check(not unknown, f"needs unknown ext2 features: {', '.join(names)}")
