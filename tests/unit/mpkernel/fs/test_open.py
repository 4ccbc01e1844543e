"""Flags of open against what the path names, and references given back when it is refused."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import (
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
)
from mpkernel.fs.char_device import CHAR_ZERO
from mpkernel.fs.file import FILES, put_file
from mpkernel.fs.inode import INODES
from mpkernel.fs.open import open_device, open_path
from tests.support.kernel_cpu import KernelCpu


@pytest.mark.parametrize(
    ("path", "flags", "error"),
    [
        (b"/absent", O_RDONLY, Errno.ENOENT),
        (b"/absent/x", O_CREAT, Errno.ENOENT),
        (b"/etc/motd", O_DIRECTORY, Errno.ENOTDIR),
        (b"/etc/motd", O_CREAT | O_EXCL, Errno.EEXIST),
        (b"/etc/motto", O_CREAT | O_EXCL, Errno.EEXIST),
        (b"/etc/motto", O_NOFOLLOW, Errno.ELOOP),
        (b"/etc/loop", O_RDONLY, Errno.ELOOP),
        (b"/etc/loop", O_CREAT, Errno.ELOOP),
        (b"/etc", O_WRONLY, Errno.EISDIR),
        (b"/etc", O_TRUNC, Errno.EISDIR),
        (b"/etc/", O_CREAT, Errno.EISDIR),
        (b"/dev/vda", O_RDWR, Errno.EROFS),
        (b"/etc/motd", O_RDONLY, 0),
        (b"/etc/motto", O_NOFOLLOW | O_PATH, 0),
        (b"/etc", O_DIRECTORY, 0),
        (b"/dev/null", O_RDWR, 0),
        (b"/tmp/new", O_RDONLY | O_CREAT | O_EXCL, 0),
    ],
)
def test_flags(mounted: KernelCpu, path: bytes, flags: int, error: int) -> None:
    async def body() -> int:
        try:
            file = await open_path(path, flags)
        except SysError as refused:
            return refused.errno
        assert file.flags & (O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_DIRECTORY) == 0
        put_file(file)
        return 0

    assert mounted.run_one(body()) == error
    inodes = INODES.in_use
    if not flags & O_EXCL or error:
        assert mounted.run_one(body()) == error
    assert (FILES.in_use, INODES.in_use) == (0, inodes)


def test_a_device_without_a_name(mounted: KernelCpu) -> None:
    assert mounted is not None
    inodes = INODES.in_use
    put_file(open_device(CHAR_ZERO))
    assert (FILES.in_use, INODES.in_use) == (0, inodes)
    with pytest.raises(SysError, match="ENXIO"):
        open_device(9999)
