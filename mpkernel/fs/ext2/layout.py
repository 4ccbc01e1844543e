"""ext2 as it lies on the disk, revision 0 and 1.

The kernel's file system, its checker and the image writer all name the bytes through these
classes. Names are those of the specification. All numbers are little-endian.

    block 0        | boot block (1024 bytes), never touched
    byte 1024      | SuperBlock
    next block     | GroupDescriptor, one a group
    each group     | [copy of both] block bitmap, inode bitmap, inode table, data

Groups 0, 1 and the powers of 3, 5 and 7 hold a copy of the superblock and of the descriptors
under SPARSE_SUPER, all groups without it.

Spec: The Second Extended File System (D. Poirier, 2019), chapters 3 and 4; include/linux/ext4.
State: none of its own; views of disk blocks, in the page cache or in a buffer.
Locks: none here. Context: any.
"""

import ctypes
from typing import Annotated, Final

from hw.spec.layout import Layout, layout, u8, u16, u32

SUPERBLOCK_OFFSET: Final = 1024
SUPERBLOCK_SIZE: Final = 1024
EXT2_MAGIC: Final = 0xEF53
MIN_BLOCK_SIZE: Final = 1024
MAX_BLOCK_SIZE: Final = 4096

GOOD_OLD_REV: Final = 0
DYNAMIC_REV: Final = 1
GOOD_OLD_FIRST_INO: Final = 11
GOOD_OLD_INODE_SIZE: Final = 128

# s_state
STATE_VALID: Final = 1
STATE_ERROR: Final = 2

# s_errors
ERRORS_CONTINUE: Final = 1
ERRORS_RO: Final = 2
ERRORS_PANIC: Final = 3

# s_feature_compat: may be ignored
COMPAT_DIR_PREALLOC: Final = 0x001
COMPAT_HAS_JOURNAL: Final = 0x004
COMPAT_EXT_ATTR: Final = 0x008
COMPAT_RESIZE_INODE: Final = 0x010
COMPAT_DIR_INDEX: Final = 0x020

# s_feature_incompat: an unknown bit forbids the mount
INCOMPAT_COMPRESSION: Final = 0x0001
INCOMPAT_FILETYPE: Final = 0x0002
INCOMPAT_RECOVER: Final = 0x0004
INCOMPAT_JOURNAL_DEV: Final = 0x0008
INCOMPAT_META_BG: Final = 0x0010

#: Names of the incompatible features, by bit number, for the message of a refused mount.
INCOMPAT_NAMES: Final = {
    0: "compression", 1: "filetype", 2: "needs_recovery", 3: "journal_dev", 4: "meta_bg",
    6: "extents", 7: "64bit", 8: "mmp", 9: "flex_bg", 10: "ea_inode", 12: "dirdata",
    13: "metadata_csum_seed", 14: "large_dir", 15: "inline_data", 16: "encrypt", 17: "casefold",
}  # fmt: skip

# s_feature_ro_compat: an unknown bit forbids writing
RO_COMPAT_SPARSE_SUPER: Final = 0x001
RO_COMPAT_LARGE_FILE: Final = 0x002
RO_COMPAT_BTREE_DIR: Final = 0x004

# Reserved inodes
BAD_BLOCKS_INO: Final = 1
ROOT_INO: Final = 2
RESIZE_INO: Final = 7

# i_mode: the file's kind, in the top four bits
MODE_KIND_MASK: Final = 0xF000
MODE_FIFO: Final = 0x1000
MODE_CHARACTER: Final = 0x2000
MODE_DIRECTORY: Final = 0x4000
MODE_BLOCK: Final = 0x6000
MODE_REGULAR: Final = 0x8000
MODE_SYMLINK: Final = 0xA000
MODE_SOCKET: Final = 0xC000

# DirectoryEntry.file_type, under INCOMPAT_FILETYPE
FT_UNKNOWN: Final = 0
FT_REGULAR: Final = 1
FT_DIRECTORY: Final = 2
FT_CHARACTER: Final = 3
FT_BLOCK: Final = 4
FT_FIFO: Final = 5
FT_SOCKET: Final = 6
FT_SYMLINK: Final = 7

#: file_type for the kind in i_mode.
FILE_TYPES: Final = {
    MODE_REGULAR: FT_REGULAR, MODE_DIRECTORY: FT_DIRECTORY, MODE_CHARACTER: FT_CHARACTER,
    MODE_BLOCK: FT_BLOCK, MODE_FIFO: FT_FIFO, MODE_SOCKET: FT_SOCKET, MODE_SYMLINK: FT_SYMLINK,
}  # fmt: skip

# i_block: twelve blocks of the file itself, then blocks of block numbers
DIRECT_BLOCKS: Final = 12
INDIRECT: Final = 12  #: index of the block of block numbers
DOUBLE_INDIRECT: Final = 13
TRIPLE_INDIRECT: Final = 14
BLOCK_POINTERS: Final = 15

#: Bytes of a symbolic link's target that fit i_block itself (a fast symlink, i_blocks is 0).
FAST_SYMLINK_MAX: Final = 59
#: Unit of i_blocks.
SECTOR_SIZE: Final = 512
#: Names are at most this long.
NAME_MAX: Final = 255
#: A file has at most this many names.
LINK_MAX: Final = 32000

Bytes16 = Annotated[ctypes.Array[ctypes.c_uint8], ctypes.c_uint8 * 16]
Words3 = Annotated[ctypes.Array[ctypes.c_uint32], ctypes.c_uint32 * 3]
Words4 = Annotated[ctypes.Array[ctypes.c_uint32], ctypes.c_uint32 * 4]
Words15 = Annotated[ctypes.Array[ctypes.c_uint32], ctypes.c_uint32 * BLOCK_POINTERS]
Words17 = Annotated[ctypes.Array[ctypes.c_uint32], ctypes.c_uint32 * 17]
Words172 = Annotated[ctypes.Array[ctypes.c_uint32], ctypes.c_uint32 * 172]


@layout(size=SUPERBLOCK_SIZE)
class SuperBlock(Layout):
    """The file system's geometry and counters, at byte 1024."""

    s_inodes_count: u32
    s_blocks_count: u32
    s_r_blocks_count: u32  #: blocks only root may take
    s_free_blocks_count: u32
    s_free_inodes_count: u32
    s_first_data_block: u32  #: block that holds the superblock: 1 with 1 KiB blocks, else 0
    s_log_block_size: u32  #: block size is 1024 << this
    s_log_frag_size: u32
    s_blocks_per_group: u32
    s_frags_per_group: u32
    s_inodes_per_group: u32
    s_mtime: u32  #: last mount, seconds since 1970
    s_wtime: u32  #: last write
    s_mnt_count: u16  #: mounts since the last check
    s_max_mnt_count: u16  #: check after this many, 0xFFFF never
    s_magic: u16  #: EXT2_MAGIC
    s_state: u16  #: STATE_*
    s_errors: u16  #: ERRORS_*
    s_minor_rev_level: u16
    s_lastcheck: u32
    s_checkinterval: u32  #: seconds, 0 never
    s_creator_os: u32  #: 0 Linux
    s_rev_level: u32  #: GOOD_OLD_REV or DYNAMIC_REV; the fields below hold with the latter
    s_def_resuid: u16
    s_def_resgid: u16
    s_first_ino: u32  #: first inode that is not reserved
    s_inode_size: u16
    s_block_group_nr: u16  #: group of this copy
    s_feature_compat: u32
    s_feature_incompat: u32
    s_feature_ro_compat: u32
    s_uuid: Bytes16
    s_volume_name: Bytes16
    s_last_mounted: Annotated[ctypes.Array[ctypes.c_uint8], ctypes.c_uint8 * 64]
    s_algo_bitmap: u32
    s_prealloc_blocks: u8
    s_prealloc_dir_blocks: u8
    s_reserved_gdt_blocks: u16  #: descriptor blocks kept free for growth, under RESIZE_INODE
    s_journal_uuid: Bytes16
    s_journal_inum: u32
    s_journal_dev: u32
    s_last_orphan: u32
    s_hash_seed: Words4  #: of indexed directories
    s_def_hash_version: u8
    s_jnl_backup_type: u8
    s_desc_size: u16
    s_default_mount_opts: u32
    s_first_meta_bg: u32
    s_mkfs_time: u32
    s_jnl_blocks: Words17
    reserved_0x150: Words172


@layout(size=32)
class GroupDescriptor(Layout):
    """Where a block group keeps its tables, and its counters."""

    bg_block_bitmap: u32
    bg_inode_bitmap: u32
    bg_inode_table: u32
    bg_free_blocks_count: u16
    bg_free_inodes_count: u16
    bg_used_dirs_count: u16
    bg_pad: u16
    reserved_0x14: Words3


@layout(size=GOOD_OLD_INODE_SIZE)
class Inode(Layout):
    """The first 128 bytes of an inode; inodes lie s_inode_size bytes apart."""

    i_mode: u16  #: MODE_* and permissions
    i_uid: u16  #: low half
    i_size: u32  #: low half of the size in bytes
    i_atime: u32
    i_ctime: u32
    i_mtime: u32
    i_dtime: u32  #: time of deletion, 0 while in use
    i_gid: u16  #: low half
    i_links_count: u16
    i_blocks: u32  #: in SECTOR_SIZE, blocks of block numbers counted
    i_flags: u32
    i_osd1: u32
    i_block: Words15  #: block numbers, 0 is a hole; or a fast symlink's target
    i_generation: u32
    i_file_acl: u32
    i_dir_acl: u32  #: high half of a regular file's size, under LARGE_FILE
    i_faddr: u32
    i_frag: u8
    i_fsize: u8
    i_pad1: u16
    i_uid_high: u16
    i_gid_high: u16
    reserved_0x7c: u32


@layout(size=8)
class DirectoryEntry(Layout):
    """Head of a directory entry; name_len bytes of name follow.

    Entries lie on 4-byte borders, fill their block and never cross into the next.
    """

    inode: u32  #: 0 when unused
    rec_len: u16  #: bytes to the next entry
    name_len: u8
    file_type: u8  #: FT_*; high half of the name's length without INCOMPAT_FILETYPE


def entry_size(name_bytes: int) -> int:
    """Least ``rec_len`` of an entry whose name has ``name_bytes`` bytes."""
    return (DirectoryEntry.SIZE + name_bytes + 3) & ~3


def has_superblock(group: int, *, is_sparse: bool) -> bool:
    """Whether a group holds copies of the superblock and the descriptors."""
    if not is_sparse or group <= 1:
        return True
    for base in (3, 5, 7):
        power = base
        while power < group:
            power *= base
        if power == group:
            return True
    return False
