"""System calls that make, move and remove names: mkdir, link, symlink, rename, unlink.

The calls without ``at`` are the ones with it, from the working directory. Where a path ends with a
slash only a directory fits.

Spec: POSIX.1-2017; Linux man-pages, section 2. State: none. Context: the calling task; may sleep.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    PATH_MAX,
)
from mpkernel.abi.stat import S_IFDIR, S_IFMT, S_IFREG
from mpkernel.fs import directory as directories
from mpkernel.fs.inode import Inode, put_inode
from mpkernel.fs.path import look_up, resolve_parent
from mpkernel.mm.user_memory import read_cstring
from mpkernel.proc.process import current_process
from mpkernel.syscall.path import Base, resolve_at


class Place(NamedTuple):
    """Where a name is made, changed or removed."""

    parent: Inode
    name: bytes
    has_slash: bool  #: the path ended with a slash: only a directory fits


async def _place_at(fd: int, path_at: int) -> Place:
    """The place that a path names; the parent with a reference for the caller."""
    path = await read_cstring(path_at, PATH_MAX)
    with Base(fd, path) as base:
        parent, name = await resolve_parent(path, base=base)
    return Place(parent, name, path.endswith(b"/"))


async def _change(fd: int, path_at: int, action: Callable[[Place], Awaitable[None]]) -> int:
    """Do ``action`` to the place that a path names."""
    place = await _place_at(fd, path_at)
    try:
        await action(place)
    finally:
        put_inode(place.parent)
    return 0


async def _expect_absent(place: Place, *, is_directory: bool = False) -> None:
    """EEXIST comes before EROFS: what is there is there, whatever could be done."""
    try:
        put_inode(await look_up(place.parent, place.name))
    except SysError as error:
        if error.errno == Errno.ENOENT and (is_directory or not place.has_slash):
            return
        raise
    raise SysError(Errno.EEXIST)


async def mkdirat(fd: int, path_at: int, mode: int) -> int:
    """Make a directory."""
    permissions = mode & 0o1777 & ~current_process().umask

    async def make(place: Place) -> None:
        await _expect_absent(place, is_directory=True)
        put_inode(directories.create(place.parent, place.name, S_IFDIR | permissions))

    return await _change(fd, path_at, make)


async def mkdir(path_at: int, mode: int) -> int:
    """Make a directory, from the working directory."""
    return await mkdirat(AT_FDCWD, path_at, mode)


async def mknodat(fd: int, path_at: int, mode: int, _device: int) -> int:
    """Make a file; regular files only."""
    if mode & S_IFMT not in (0, S_IFREG):
        raise SysError(Errno.EPERM)
    permissions = mode & 0o7777 & ~current_process().umask

    async def make(place: Place) -> None:
        await _expect_absent(place)
        put_inode(directories.create(place.parent, place.name, S_IFREG | permissions))

    return await _change(fd, path_at, make)


async def mknod(path_at: int, mode: int, device: int) -> int:
    """Make a file, from the working directory; regular files only."""
    return await mknodat(AT_FDCWD, path_at, mode, device)


async def unlinkat(fd: int, path_at: int, flags: int) -> int:
    """Remove a name, or an empty directory."""
    if flags & ~AT_REMOVEDIR:
        raise SysError(Errno.EINVAL)

    async def remove(place: Place) -> None:
        parent, name, has_slash = place
        found = await look_up(parent, name)
        is_directory = found.is_directory
        put_inode(found)
        if flags & AT_REMOVEDIR:
            if not is_directory:
                raise SysError(Errno.ENOTDIR)
            directories.remove_directory(parent, name)
            return
        if is_directory:
            raise SysError(Errno.EISDIR)
        if has_slash:
            raise SysError(Errno.ENOTDIR)
        directories.unlink(parent, name)

    return await _change(fd, path_at, remove)


async def unlink(path_at: int) -> int:
    """Remove a name."""
    return await unlinkat(AT_FDCWD, path_at, 0)


async def rmdir(path_at: int) -> int:
    """Remove an empty directory."""
    return await unlinkat(AT_FDCWD, path_at, AT_REMOVEDIR)


async def symlinkat(target_at: int, fd: int, path_at: int) -> int:
    """Make a symbolic link."""
    target = await read_cstring(target_at, PATH_MAX)
    if not target:
        raise SysError(Errno.ENOENT)

    async def make(place: Place) -> None:
        await _expect_absent(place)
        await directories.create_symlink(place.parent, place.name, target)

    return await _change(fd, path_at, make)


async def symlink(target_at: int, path_at: int) -> int:
    """Make a symbolic link, from the working directory."""
    return await symlinkat(target_at, AT_FDCWD, path_at)


async def linkat(old_fd: int, old_at: int, new_fd: int, new_at: int, flags: int) -> int:
    """Give a file one more name."""
    follow = 0 if flags & AT_SYMLINK_FOLLOW else AT_SYMLINK_NOFOLLOW
    inode = await resolve_at(old_fd, old_at, flags & AT_EMPTY_PATH | follow)

    async def make(place: Place) -> None:
        await _expect_absent(place)
        directories.link(place.parent, place.name, inode)

    try:
        return await _change(new_fd, new_at, make)
    finally:
        put_inode(inode)


async def link(old_at: int, new_at: int) -> int:
    """Give a file one more name, from the working directory."""
    return await linkat(AT_FDCWD, old_at, AT_FDCWD, new_at, 0)


async def renameat2(old_fd: int, old_at: int, new_fd: int, new_at: int, flags: int) -> int:
    """Move a name; without flags."""
    if flags:
        raise SysError(Errno.EINVAL)
    source = await _place_at(old_fd, old_at)

    async def move(target: Place) -> None:
        found = await look_up(source.parent, source.name)
        is_directory = found.is_directory
        put_inode(found)
        if not is_directory and (source.has_slash or target.has_slash):
            raise SysError(Errno.ENOTDIR)
        directories.rename(source.parent, source.name, target.parent, target.name)

    try:
        return await _change(new_fd, new_at, move)
    finally:
        put_inode(source.parent)


async def renameat(old_fd: int, old_at: int, new_fd: int, new_at: int) -> int:
    """Move a name."""
    return await renameat2(old_fd, old_at, new_fd, new_at, 0)


async def rename(old_at: int, new_at: int) -> int:
    """Move a name, from the working directory."""
    return await renameat2(AT_FDCWD, old_at, AT_FDCWD, new_at, 0)
