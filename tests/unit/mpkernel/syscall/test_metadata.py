"""What files are: stat and statfs, permissions, owners and times."""

import struct

from mpkernel.abi.fcntl import AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CREAT, O_RDWR
from mpkernel.abi.stat import S_IFLNK, S_IFREG, Stat, StatFs
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.syscall import directory, file, metadata, path
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of, text

BUFFER = SCRATCH + 4096
NOW = (1 << 30) - 1
OMIT = (1 << 30) - 2


async def new_file() -> int:
    fd = await path.open_(await text(b"/f"), O_CREAT | O_RDWR, 0o600)
    await file.write(fd, BUFFER, 1000)
    return fd


async def stat_of(fd: int) -> Stat:
    assert await metadata.fstat(fd, BUFFER) == 0
    return Stat.from_buffer_copy(await copy_from_user(BUFFER, Stat.SIZE))


async def times(*values: int) -> int:
    await copy_to_user(SCRATCH + 256, struct.pack("<4q", *values))
    return SCRATCH + 256


def test_a_file_and_a_link(caller: Caller) -> None:
    async def body() -> None:
        fd = await new_file()
        by_fd = await stat_of(fd)
        assert (by_fd.st_mode, by_fd.st_size, by_fd.st_blocks) == (S_IFREG | 0o600, 1000, 2)
        await directory.link(await text(b"/f"), await text(b"/g", SCRATCH + 64))
        await directory.symlink(await text(b"/f"), await text(b"/l", SCRATCH + 64))
        assert await metadata.stat(await text(b"/l"), BUFFER) == 0
        followed = Stat.from_buffer_copy(await copy_from_user(BUFFER, Stat.SIZE))
        assert (followed.st_ino, followed.st_nlink) == (by_fd.st_ino, 2)
        assert await metadata.lstat(await text(b"/l"), BUFFER) == 0
        link = Stat.from_buffer_copy(await copy_from_user(BUFFER, Stat.SIZE))
        assert (link.st_mode & 0o170000, link.st_size) == (S_IFLNK, 2)
        assert await error_of(metadata.stat(await text(b"/none"), BUFFER)) == "ENOENT"
        assert await error_of(metadata.stat(await text(b"/f"), 64)) == "EFAULT"
        assert await error_of(metadata.fstat(17, BUFFER)) == "EBADF"

    caller.run(body)


def test_permissions_and_owners(caller: Caller) -> None:
    async def body() -> None:
        fd = await new_file()
        await metadata.chmod(await text(b"/f"), 0o104755)
        assert (await stat_of(fd)).st_mode == S_IFREG | 0o4755
        await metadata.fchmod(fd, 0)
        assert (await stat_of(fd)).st_mode == S_IFREG
        await metadata.fchown(fd, 5, -1)
        await metadata.chown(await text(b"/f"), -1, 6)
        found = await stat_of(fd)
        assert (found.st_uid, found.st_gid) == (5, 6)
        await directory.symlink(await text(b"/f"), await text(b"/l", SCRATCH + 64))
        await metadata.lchown(await text(b"/l"), 8, 9)
        assert (await stat_of(fd)).st_uid == 5
        await metadata.fchownat(AT_FDCWD, await text(b"/l"), 8, 9, 0)
        assert (await stat_of(fd)).st_uid == 8
        assert await metadata.fchownat(
            AT_FDCWD, await text(b"/l"), 1, 1, AT_SYMLINK_NOFOLLOW
        ) == 0  # fmt: skip

    caller.run(body)


def test_times(caller: Caller) -> None:
    async def body() -> None:
        fd = await new_file()
        name = await text(b"/f")
        assert await metadata.utimensat(AT_FDCWD, name, await times(10, 20, 30, 40), 0) == 0
        found = await stat_of(fd)
        assert (found.st_atime, found.st_atime_nsec) == (10, 20)
        assert (found.st_mtime, found.st_mtime_nsec) == (30, 40)
        await metadata.utimensat(fd, 0, await times(7, OMIT, 8, NOW), 0)
        found = await stat_of(fd)
        assert (found.st_atime, found.st_atime_nsec) == (10, 20)
        assert found.st_mtime > 1_000_000_000
        bad = metadata.utimensat(fd, 0, await times(1, 10**9, 2, 2), 0)
        assert await error_of(bad) == "EINVAL"
        assert (await stat_of(fd)).st_atime == 10
        await metadata.utimensat(fd, 0, 0, 0)
        assert (await stat_of(fd)).st_atime > 1_000_000_000

    caller.run(body)


def test_file_systems(caller: Caller) -> None:
    async def body() -> None:
        await metadata.statfs(await text(b"/"), BUFFER)
        found = StatFs.from_buffer_copy(await copy_from_user(BUFFER, StatFs.SIZE))
        assert (found.f_type, found.f_bsize, found.f_namelen) == (0x0102_1994, 4096, 255)
        assert 0 < found.f_bfree < found.f_blocks
        await metadata.statfs(await text(b"/proc"), BUFFER)
        found = StatFs.from_buffer_copy(await copy_from_user(BUFFER, StatFs.SIZE))
        assert (found.f_type, found.f_blocks) == (0x9FA0, 0)
        fd = await new_file()
        await metadata.fstatfs(fd, BUFFER)
        found = StatFs.from_buffer_copy(await copy_from_user(BUFFER, StatFs.SIZE))
        assert found.f_type == 0x0102_1994

    caller.run(body)


def test_what_cannot_be_written(caller: Caller) -> None:
    async def body() -> None:
        name = await text(b"/proc")
        assert await error_of(metadata.chmod(name, 0o777)) == "EROFS"
        assert await error_of(metadata.chown(name, 1, 1)) == "EROFS"
        assert await error_of(metadata.utimensat(AT_FDCWD, name, 0, 0)) == "EROFS"

    caller.run(body)
