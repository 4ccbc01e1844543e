"""System calls that name files by path: open, stat, mkdir, unlink, rename, chdir and their kin.

The calls without ``at`` are the ones with it, from the working directory.

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
    O_CREAT,
    O_TRUNC,
    O_WRONLY,
    PATH_MAX,
    R_OK,
    W_OK,
    X_OK,
)
from mpkernel.abi.stat import S_IFDIR, S_IFREG
from mpkernel.fs import directory as directories
from mpkernel.fs import file as files
from mpkernel.fs.inode import Inode, get_inode, put_inode
from mpkernel.fs.open import open_path
from mpkernel.fs.path import look_up, path_of, read_link, resolve, resolve_parent, working_directory
from mpkernel.mm.user_memory import copy_to_user, read_cstring
from mpkernel.proc.process import current_process
from mpkernel.syscall.descriptor import UsingFile, install

_EXECUTE_BITS = 0o111


class Base:
    """Context manager: the directory from which a path of an *at call begins."""

    __slots__ = ("_inode",)

    def __init__(self, fd: int, path: bytes) -> None:
        self._inode: Inode | None = None
        if fd != AT_FDCWD and not path.startswith(b"/"):
            with UsingFile(fd) as file:
                if path and not file.node.is_directory:
                    raise SysError(Errno.ENOTDIR)
                self._inode = get_inode(file.node)

    def __enter__(self) -> Inode | None:
        return self._inode

    def __exit__(self, *_: object) -> None:
        if self._inode is not None:
            put_inode(self._inode)


async def resolve_at(fd: int, path_at: int, flags: int) -> Inode:
    """The file that an *at call names, with a reference for the caller.

    Raises:
        SysError: those of fs.path.resolve, EBADF, EFAULT.
    """
    path = await read_cstring(path_at, PATH_MAX)
    with Base(fd, path) as base:
        if not path and flags & AT_EMPTY_PATH:
            return get_inode(base) if base is not None else working_directory()
        return await resolve(path, follow=not flags & AT_SYMLINK_NOFOLLOW, base=base)


async def openat(fd: int, path_at: int, flags: int, mode: int) -> int:
    """Open a file."""
    path = await read_cstring(path_at, PATH_MAX)
    with Base(fd, path) as base:
        file = await open_path(path, flags, mode & 0o7777 & ~current_process().umask, base=base)
    return install(file, flags)


async def open_(path_at: int, flags: int, mode: int) -> int:
    """Open a file, from the working directory."""
    return await openat(AT_FDCWD, path_at, flags, mode)


async def creat(path_at: int, mode: int) -> int:
    """Make or empty a file, and open it."""
    return await openat(AT_FDCWD, path_at, O_CREAT | O_WRONLY | O_TRUNC, mode)


async def faccessat(fd: int, path_at: int, mode: int) -> int:
    """Tell whether a file may be used: everybody is root, who may all but execute what nobody may."""
    if mode & ~(R_OK | W_OK | X_OK):
        raise SysError(Errno.EINVAL)
    inode = await resolve_at(fd, path_at, 0)
    try:
        if mode & X_OK and inode.is_regular and not inode.mode & _EXECUTE_BITS:
            raise SysError(Errno.EACCES)
        if mode & W_OK and (inode.is_regular or inode.is_directory):
            directories.check_writable(inode)
    finally:
        put_inode(inode)
    return 0


async def access(path_at: int, mode: int) -> int:
    """Tell whether a file may be used, from the working directory."""
    return await faccessat(AT_FDCWD, path_at, mode)


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
    if mode & 0o170000 not in (0, S_IFREG):
        raise SysError(Errno.EPERM)
    permissions = mode & 0o7777 & ~current_process().umask

    async def make(place: Place) -> None:
        await _expect_absent(place)
        put_inode(directories.create(place.parent, place.name, S_IFREG | permissions))

    return await _change(fd, path_at, make)


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


async def readlinkat(fd: int, path_at: int, buffer: int, size: int) -> int:
    """Tell where a symbolic link points."""
    if size <= 0:
        raise SysError(Errno.EINVAL)
    inode = await resolve_at(fd, path_at, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
    try:
        target = (await read_link(inode))[:size]
    finally:
        put_inode(inode)
    await copy_to_user(buffer, target)
    return len(target)


async def readlink(path_at: int, buffer: int, size: int) -> int:
    """Tell where a symbolic link points, from the working directory."""
    return await readlinkat(AT_FDCWD, path_at, buffer, size)


async def truncate(path_at: int, size: int) -> int:
    """Give a file a new size."""
    inode = await resolve_at(AT_FDCWD, path_at, 0)
    try:
        if inode.is_regular:
            directories.check_writable(inode)
        await files.truncate(inode, size)
    finally:
        put_inode(inode)
    return 0


async def getcwd(buffer: int, size: int) -> int:
    """Path of the working directory; returns its length with the NUL."""
    directory = working_directory()
    try:
        path = await path_of(directory) + b"\0"
    finally:
        put_inode(directory)
    if len(path) > size:
        raise SysError(Errno.ERANGE)
    await copy_to_user(buffer, path)
    return len(path)


async def chdir(path_at: int) -> int:
    """Change the working directory."""
    return _enter(await resolve_at(AT_FDCWD, path_at, 0))


async def fchdir(fd: int) -> int:
    """Change the working directory to an open one."""
    with UsingFile(fd) as file:
        return _enter(get_inode(file.node))


async def umask(mask: int) -> int:
    """Set the permissions that new files do not get; returns the old ones."""
    process = current_process()
    old: int = process.umask
    process.umask = mask & 0o777
    return old


def _enter(inode: Inode) -> int:
    """Make ``inode`` the working directory; its reference is taken over."""
    if not inode.is_directory:
        put_inode(inode)
        raise SysError(Errno.ENOTDIR)
    process = current_process()
    old, process.cwd = process.cwd, inode.phys
    if old:
        put_inode(Inode.at(old))
    return 0


def current_working_directory() -> int:
    """Inode of the current process's working directory, 0 for the root: WORKING_DIRECTORY."""
    addr: int = current_process().cwd
    return addr
