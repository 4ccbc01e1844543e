"""System calls about what files are: stat, statfs, chmod, chown, times.

Spec: POSIX.1-2017; Linux man-pages, section 2. State: none. Context: the calling task; may sleep.
"""

from typing import Final

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, NAME_MAX
from mpkernel.abi.stat import NANOSECONDS, S_IFMT, Stat, StatFs, device_number
from mpkernel.arch.power import wall_clock_ns
from mpkernel.fs.directory import check_writable
from mpkernel.fs.ext2.mounted import volume_of
from mpkernel.fs.file_system import FS_EXT2, file_system_of
from mpkernel.fs.inode import Inode, put_inode
from mpkernel.mm import frames
from mpkernel.mm.user_memory import copy_to_user, get_u64
from mpkernel.syscall.descriptor import UsingFile
from mpkernel.syscall.path import resolve_at

_KEEP: Final = 0xFFFF_FFFF  #: chown: leave as it is
_UTIME_NOW: Final = (1 << 30) - 1
_UTIME_OMIT: Final = (1 << 30) - 2


def stat_of(inode: Inode) -> bytes:
    """struct stat of a file."""
    size: int = inode.cache.size_bytes
    record = Stat()
    record.st_dev = device_number(0, inode.file_system)
    record.st_ino = inode.ino
    record.st_nlink = inode.links
    record.st_mode = inode.mode
    record.st_uid, record.st_gid = inode.uid, inode.gid
    record.st_rdev = inode.device
    record.st_size = size
    record.st_blksize = PAGE_SIZE
    record.st_blocks = -(-size // 512)
    record.st_atime, record.st_atime_nsec = divmod(inode.atime_ns, NANOSECONDS)
    record.st_mtime, record.st_mtime_nsec = divmod(inode.mtime_ns, NANOSECONDS)
    record.st_ctime, record.st_ctime_nsec = divmod(inode.ctime_ns, NANOSECONDS)
    return bytes(record)


async def newfstatat(fd: int, path_at: int, buffer: int, flags: int) -> int:
    """Tell what a file is."""
    inode = await resolve_at(fd, path_at, flags)
    try:
        record = stat_of(inode)
    finally:
        put_inode(inode)
    await copy_to_user(buffer, record)
    return 0


async def stat(path_at: int, buffer: int) -> int:
    """Tell what a file is, from the working directory."""
    return await newfstatat(AT_FDCWD, path_at, buffer, 0)


async def lstat(path_at: int, buffer: int) -> int:
    """Tell what a file is, or the link itself."""
    return await newfstatat(AT_FDCWD, path_at, buffer, AT_SYMLINK_NOFOLLOW)


async def fstat(fd: int, buffer: int) -> int:
    """Tell what an open file is."""
    with UsingFile(fd) as file:
        await copy_to_user(buffer, stat_of(file.node))
    return 0


async def statfs(path_at: int, buffer: int) -> int:
    """Tell about the file system of a file."""
    inode = await resolve_at(AT_FDCWD, path_at, 0)
    try:
        record = _statfs_of(inode)
    finally:
        put_inode(inode)
    await copy_to_user(buffer, record)
    return 0


async def fstatfs(fd: int, buffer: int) -> int:
    """Tell about the file system of an open file."""
    with UsingFile(fd) as file:
        await copy_to_user(buffer, _statfs_of(file.node))
    return 0


async def fchmodat(fd: int, path_at: int, mode: int) -> int:
    """Change permissions."""
    inode = await resolve_at(fd, path_at, 0)
    try:
        return _set_mode(inode, mode)
    finally:
        put_inode(inode)


async def chmod(path_at: int, mode: int) -> int:
    """Change permissions, from the working directory."""
    return await fchmodat(AT_FDCWD, path_at, mode)


async def fchmod(fd: int, mode: int) -> int:
    """Change permissions of an open file."""
    with UsingFile(fd) as file:
        return _set_mode(file.node, mode)


async def fchownat(fd: int, path_at: int, uid: int, gid: int, flags: int) -> int:
    """Change the owner."""
    inode = await resolve_at(fd, path_at, flags)
    try:
        return _set_owner(inode, uid, gid)
    finally:
        put_inode(inode)


async def chown(path_at: int, uid: int, gid: int) -> int:
    """Change the owner, from the working directory."""
    return await fchownat(AT_FDCWD, path_at, uid, gid, 0)


async def lchown(path_at: int, uid: int, gid: int) -> int:
    """Change the owner, or that of the link itself."""
    return await fchownat(AT_FDCWD, path_at, uid, gid, AT_SYMLINK_NOFOLLOW)


async def fchown(fd: int, uid: int, gid: int) -> int:
    """Change the owner of an open file."""
    with UsingFile(fd) as file:
        return _set_owner(file.node, uid, gid)


async def utimensat(fd: int, path_at: int, times_at: int, flags: int) -> int:
    """Set times; without a path, those of the open file."""
    times = [await get_u64(times_at + 8 * index) for index in range(4)] if times_at else []
    if path_at:
        inode = await resolve_at(fd, path_at, flags & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        try:
            _set_times(inode, times)
        finally:
            put_inode(inode)
        return 0
    with UsingFile(fd) as file:
        _set_times(file.node, times)
    return 0


def _statfs_of(inode: Inode) -> bytes:
    code = file_system_of(inode)
    record = StatFs()
    record.f_type = code.magic
    record.f_namelen = NAME_MAX
    record.f_bsize = record.f_frsize = PAGE_SIZE
    if inode.file_system == FS_EXT2:
        geometry = volume_of(inode.volume).geometry
        record.f_bsize = record.f_frsize = geometry.block_size
        record.f_blocks = geometry.blocks
        record.f_bfree = record.f_bavail = geometry.free_blocks
        record.f_files, record.f_ffree = geometry.inodes, geometry.free_inodes
    elif code.is_writable:
        record.f_blocks = frames.total_count()
        record.f_bfree = record.f_bavail = frames.free_count()
    return bytes(record)


def _set_mode(inode: Inode, mode: int) -> int:
    check_writable(inode)
    inode.mode = inode.mode & S_IFMT | mode & 0o7777
    inode.ctime_ns = wall_clock_ns()
    return 0


def _set_owner(inode: Inode, uid: int, gid: int) -> int:
    check_writable(inode)
    if uid & _KEEP != _KEEP:
        inode.uid = uid & _KEEP
    if gid & _KEEP != _KEEP:
        inode.gid = gid & _KEEP
    inode.ctime_ns = wall_clock_ns()
    return 0


def _set_times(inode: Inode, times: list[int]) -> None:
    """``times``: seconds and nanoseconds of access, then of change; none for now."""
    check_writable(inode)
    now = wall_clock_ns()
    wanted = []
    for old, at in ((inode.atime_ns, 0), (inode.mtime_ns, 2)):
        if not times or times[at + 1] == _UTIME_NOW:
            wanted.append(now)
        elif times[at + 1] == _UTIME_OMIT:
            wanted.append(old)
        elif times[at + 1] < NANOSECONDS and times[at] < 1 << 33:
            wanted.append(times[at] * NANOSECONDS + times[at + 1])
        else:
            raise SysError(Errno.EINVAL)
    inode.atime_ns, inode.mtime_ns = wanted
    inode.ctime_ns = now
