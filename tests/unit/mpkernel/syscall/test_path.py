"""Calls that take a path: from where it begins, what is refused, and the working directory."""

from mpkernel.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_RDONLY,
    O_RDWR,
    R_OK,
    W_OK,
    X_OK,
)
from mpkernel.fs.inode import put_inode
from mpkernel.fs.path import resolve
from mpkernel.mm.user_memory import copy_from_user
from mpkernel.syscall import descriptor, directory, file, path
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of, text

BUFFER = SCRATCH + 4096


async def where() -> bytes:
    size = await path.getcwd(BUFFER, 4096)
    return await copy_from_user(BUFFER, size)


async def mode_of(name: bytes) -> int:
    inode = await resolve(name)
    mode: int = inode.mode & 0o7777
    put_inode(inode)
    return mode


def test_the_umask_takes_from_new_files(caller: Caller) -> None:
    async def body() -> None:
        assert await path.umask(0o1027) == 0o022
        assert await path.umask(0o027) == 0o027
        assert await path.open_(await text(b"/new"), O_CREAT | O_RDWR, 0o666) == 0
        assert await mode_of(b"/new") == 0o640
        assert await path.creat(await text(b"/other"), 0o777) == 1
        assert await mode_of(b"/other") == 0o750
        again = path.open_(await text(b"/new"), O_CREAT | O_EXCL, 0o666)
        assert await error_of(again) == "EEXIST"

    caller.run(body)


def test_the_working_directory(caller: Caller) -> None:
    async def body() -> None:
        assert await where() == b"/\0"
        await directory.mkdir(await text(b"/a"), 0o755)
        await directory.mkdir(await text(b"/a/b"), 0o755)
        assert await path.chdir(await text(b"a/b")) == 0
        assert await where() == b"/a/b\0"
        assert await error_of(path.getcwd(BUFFER, 4)) == "ERANGE"
        fd = await path.open_(await text(b".."), O_RDONLY | O_DIRECTORY, 0)
        assert await path.fchdir(fd) == 0
        assert await where() == b"/a\0"
        await path.creat(await text(b"file"), 0o600)
        assert await error_of(path.chdir(await text(b"/a/file"))) == "ENOTDIR"
        assert await where() == b"/a\0"
        assert await path.chdir(await text(b"/")) == 0

    caller.run(body)


def test_paths_from_a_descriptor(caller: Caller) -> None:
    async def body() -> None:
        await directory.mkdir(await text(b"/d"), 0o755)
        base = await path.open_(await text(b"/d"), O_DIRECTORY, 0)
        made = await path.openat(base, await text(b"in"), O_CREAT | O_RDWR, 0o600)
        assert await mode_of(b"/d/in") == 0o600
        assert await path.faccessat(base, await text(b"in"), R_OK) == 0
        assert await error_of(path.faccessat(AT_FDCWD, await text(b"in"), R_OK)) == "ENOENT"
        assert await error_of(path.openat(made, await text(b"x"), O_RDONLY, 0)) == "ENOTDIR"
        assert await error_of(path.openat(99, await text(b"x"), O_RDONLY, 0)) == "EBADF"
        absolute = await path.openat(99, await text(b"/d/in"), O_RDONLY, 0)
        await descriptor.close(absolute)
        empty = await text(b"")
        assert await path.faccessat2(made, empty, R_OK, AT_EMPTY_PATH) == 0
        assert await error_of(path.faccessat2(made, empty, R_OK, 0)) == "ENOENT"

    caller.run(body)


def test_access(caller: Caller) -> None:
    async def body() -> None:
        await path.creat(await text(b"/plain"), 0o000)
        plain = await text(b"/plain")
        assert await path.access(plain, R_OK | W_OK) == 0
        assert await error_of(path.access(plain, X_OK)) == "EACCES"
        assert await error_of(path.access(plain, 8)) == "EINVAL"
        assert await path.access(await text(b"/"), X_OK) == 0

    caller.run(body)


def test_links_are_read_not_followed(caller: Caller) -> None:
    async def body() -> None:
        await directory.symlink(await text(b"some/where"), await text(b"/l", SCRATCH + 64))
        link = await text(b"/l")
        assert await path.readlink(link, BUFFER, 100) == 10
        assert await path.readlink(link, BUFFER + 50, 4) == 4
        assert await copy_from_user(BUFFER, 10) == b"some/where"
        assert await copy_from_user(BUFFER + 50, 5) == b"some\0"
        assert await error_of(path.readlink(link, BUFFER, 0)) == "EINVAL"
        assert await error_of(path.readlink(await text(b"/"), BUFFER, 9)) == "EINVAL"

    caller.run(body)


def test_truncate(caller: Caller) -> None:
    async def body() -> None:
        fd = await path.open_(await text(b"/f"), O_CREAT | O_RDWR, 0o600)
        await file.write(fd, SCRATCH, 100)
        assert await path.truncate(await text(b"/f"), 7) == 0
        assert await file.lseek(fd, 0, 2) == 7
        assert await error_of(path.truncate(await text(b"/f"), -1)) == "EINVAL"
        assert await error_of(path.truncate(await text(b"/"), 0)) == "EISDIR"

    caller.run(body)
