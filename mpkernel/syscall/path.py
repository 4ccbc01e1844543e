"""System calls that name files by path: open, stat, mkdir, unlink, rename, chdir and their kin.

The calls without ``at`` are the ones with it, from the working directory.

Spec: POSIX.1-2017; Linux man-pages, section 2. State: none. Context: the calling task; may sleep.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    O_CREAT,
    O_TRUNC,
    O_WRONLY,
    PATH_MAX,
    R_OK,
    W_OK,
    X_OK,
)
from mpkernel.fs import directory as directories
from mpkernel.fs import file as files
from mpkernel.fs.inode import Inode, get_inode, put_inode
from mpkernel.fs.open import open_path
from mpkernel.fs.path import path_of, read_link, resolve, working_directory
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
    """Tell whether a file may be used."""
    return await _access(fd, path_at, mode, 0)


async def _access(fd: int, path_at: int, mode: int, flags: int) -> int:
    """Everybody is root, who may all but execute what nobody may, and write what none can."""
    if mode & ~(R_OK | W_OK | X_OK):
        raise SysError(Errno.EINVAL)
    inode = await resolve_at(fd, path_at, flags)
    try:
        if mode & X_OK and inode.is_regular and not inode.mode & _EXECUTE_BITS:
            raise SysError(Errno.EACCES)
        if mode & W_OK and (inode.is_regular or inode.is_directory):
            directories.check_writable(inode)
    finally:
        put_inode(inode)
    return 0


async def faccessat2(fd: int, path_at: int, mode: int, flags: int) -> int:
    """Tell whether a file may be used, or the link itself."""
    if flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise SysError(Errno.EINVAL)
    return await _access(fd, path_at, mode, flags)


async def access(path_at: int, mode: int) -> int:
    """Tell whether a file may be used, from the working directory."""
    return await faccessat(AT_FDCWD, path_at, mode)


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
