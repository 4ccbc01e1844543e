"""Opening: from a path and flags to an open file.

State: none of its own. Locks: none held across a step. Context: task, may sleep.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import (
    O_ACCMODE,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    SYMLOOP_MAX,
)
from mpkernel.abi.stat import S_IFBLK, S_IFCHR, S_IFIFO, S_IFREG, S_IFSOCK
from mpkernel.fs import directory as directories
from mpkernel.fs.char_device import CHAR_DEVICES
from mpkernel.fs.file import File, new_file, truncate
from mpkernel.fs.file_system import FS_DEVFS, file_system_of
from mpkernel.fs.inode import Inode, new_inode, put_inode
from mpkernel.fs.path import look_up, read_link, resolve, resolve_parent

#: Flags of open that stay with the file.
_TRANSIENT = O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_DIRECTORY


async def open_path(
    path: bytes, flags: int, mode: int = 0o666, *, base: Inode | None = None
) -> File:
    """Open the file that ``path`` names, with a reference for the caller.

    ``mode``: permissions of a file made by O_CREAT, the umask already applied.

    Raises:
        SysError: ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EROFS, ENXIO, EINVAL, ENOMEM.
    """
    if flags & O_PATH:
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW
    if flags & O_CREAT:
        inode, is_new = await _find_or_create(path, flags, mode, base)
    else:
        inode, is_new = await resolve(path, follow=not flags & O_NOFOLLOW, base=base), False
    try:
        if not is_new:
            await _check_open(inode, flags)
    except SysError:
        put_inode(inode)
        raise
    return new_file(inode, flags & ~_TRANSIENT)


def open_device(device_id: int, flags: int = O_RDWR) -> File:
    """Open a character device that needs no name, such as a port of the launcher.

    Raises:
        SysError: ENXIO, nobody drives it; ENOMEM.
    """
    if device_id not in CHAR_DEVICES:
        raise SysError(Errno.ENXIO)
    inode = new_inode(FS_DEVFS, S_IFCHR | 0o600)
    inode.device_id = device_id
    return new_file(inode, flags)


async def _find_or_create(
    path: bytes, flags: int, mode: int, base: Inode | None
) -> tuple[Inode, bool]:
    """The file, and whether it was made just now."""
    if path.endswith(b"/"):
        raise SysError(Errno.EISDIR)
    parent, name = await resolve_parent(path, base=base)
    try:
        for _ in range(SYMLOOP_MAX):
            try:
                inode = await look_up(parent, name)
            except SysError as error:
                if error.errno != Errno.ENOENT:
                    raise
                try:
                    return directories.create(parent, name, S_IFREG | mode & 0o7777), True
                except SysError as lost:
                    if lost.errno != Errno.EEXIST or flags & O_EXCL:
                        raise
                    continue  # somebody else made it in between
            if flags & O_EXCL:
                put_inode(inode)
                raise SysError(Errno.EEXIST)
            if not inode.is_symlink or flags & O_NOFOLLOW:
                return inode, False
            try:
                target = await read_link(inode)
            finally:
                put_inode(inode)
            old = parent
            parent, name = await resolve_parent(target, base=parent)
            put_inode(old)
        raise SysError(Errno.ELOOP)
    finally:
        put_inode(parent)


async def _check_open(inode: Inode, flags: int) -> None:
    """Whether a file that exists may be opened so; O_TRUNC and demand-made content happen here."""
    if inode.is_symlink and not flags & O_PATH:
        raise SysError(Errno.ELOOP)
    if flags & O_DIRECTORY and not inode.is_directory:
        raise SysError(Errno.ENOTDIR)
    if flags & O_PATH:
        return
    if inode.kind in (S_IFSOCK, S_IFIFO):
        raise SysError(Errno.ENXIO)
    # access mode 3 is for ioctl only but asks for both; O_TRUNC writes whatever the mode
    is_writing = flags & O_ACCMODE != O_RDONLY or flags & O_TRUNC
    if inode.is_directory:
        if is_writing or flags & O_CREAT:
            raise SysError(Errno.EISDIR)
        return
    if inode.kind == S_IFCHR:
        if inode.device_id not in CHAR_DEVICES:
            raise SysError(Errno.ENXIO)
        return
    if is_writing:
        _check_writable(inode)
    if inode.is_regular:
        await file_system_of(inode).prepare(inode)
        if flags & O_TRUNC:
            await truncate(inode, 0)


def _check_writable(inode: Inode) -> None:
    """Refuse to open for writing what cannot be written."""
    if inode.kind == S_IFBLK:
        raise SysError(Errno.EROFS)  # nothing writes a device's pages back
    directories.check_writable(inode)
