"""struct stat, st_mode and directory entries, as programs see them.

Spec: Linux x86-64, arch/x86/include/uapi/asm/stat.h; struct linux_dirent64; struct statfs.
State: none. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, layout, u8, u16, u32, u64

S_IFMT: Final = 0o170000
S_IFIFO: Final = 0o010000
S_IFCHR: Final = 0o020000
S_IFDIR: Final = 0o040000
S_IFBLK: Final = 0o060000
S_IFREG: Final = 0o100000
S_IFLNK: Final = 0o120000
S_IFSOCK: Final = 0o140000

NANOSECONDS: Final = 1_000_000_000


def dirent_type(mode: int) -> int:
    """DT_* of a file with ``mode``: its kind bits, shifted (linux/fs_types.h)."""
    return (mode & S_IFMT) >> 12


def device_number(major: int, minor: int) -> int:
    """dev_t of Linux: minor in bits 0-7 and 20-31, major in bits 8-19."""
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)


@layout(size=144)
class Stat(Layout):
    """struct stat."""

    st_dev: u64
    st_ino: u64
    st_nlink: u64
    st_mode: u32
    st_uid: u32
    st_gid: u32
    reserved_0x024: u32
    st_rdev: u64
    st_size: u64  #: bytes
    st_blksize: u64
    st_blocks: u64  #: in 512 bytes
    st_atime: u64
    st_atime_nsec: u64
    st_mtime: u64
    st_mtime_nsec: u64
    st_ctime: u64
    st_ctime_nsec: u64
    reserved_0x078: Annotated[Any, ctypes.c_uint64 * 3]


@layout(size=24)
class Dirent64Head(Layout):
    """Head of struct linux_dirent64; the name follows d_type (byte 18), NUL-terminated."""

    d_ino: u64
    d_off: u64  #: where the next getdents64 goes on
    d_reclen: u16
    d_type: u8
    d_name_first: Annotated[Any, ctypes.c_uint8 * 5]


DIRENT_NAME: Final = Dirent64Head.d_name_first.offset


@layout(size=120)
class StatFs(Layout):
    """struct statfs."""

    f_type: u64
    f_bsize: u64
    f_blocks: u64
    f_bfree: u64
    f_bavail: u64
    f_files: u64
    f_ffree: u64
    f_fsid: u64
    f_namelen: u64
    f_frsize: u64
    f_flags: u64
    f_spare: Annotated[Any, ctypes.c_uint64 * 4]
