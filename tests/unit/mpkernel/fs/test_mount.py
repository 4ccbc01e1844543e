"""Mounts and files laid over paths: what refuses, what stays beneath, whose references."""

from pathlib import Path

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs import mount
from mpkernel.fs.ext2.geometry import VolumeError
from mpkernel.fs.file import read_inode_at
from mpkernel.fs.inode import INODES, put_inode
from mpkernel.fs.names import NAMES
from mpkernel.fs.path import list_directory, resolve
from mpkernel.tools.mkfs import make_image
from tests.support.files import DRIVER, file_kernel
from tests.support.kernel_cpu import KernelCpu


async def content(path: bytes) -> bytes:
    inode = await resolve(path)
    try:
        return await read_inode_at(inode, 0, 4096)
    finally:
        put_inode(inode)


def test_an_image_without_mount_points_gets_them(tmp_path: Path) -> None:
    image = tmp_path / "image"
    make_image(image, 1 << 20, 4096, None)
    with file_kernel(image) as kernel:
        kernel.run_one(mount.mount_all("vda"))

        async def names() -> set[bytes]:
            root = await resolve(b"/")
            entries = await list_directory(root)
            put_inode(root)
            return {entry.name for entry in entries}

        assert {b"dev", b"proc", b"tmp", b"lost+found"} <= kernel.run_one(names())
    assert b"proc" not in image.read_bytes()


def test_what_is_no_volume_is_refused_and_frees_all(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"\x55" * 100_000)
    with file_kernel(image) as kernel:
        with pytest.raises(VolumeError, match="magic"):
            kernel.run_one(mount.mount_root("vda"))
        assert INODES.in_use == 0
        with pytest.raises(SysError) as error:
            kernel.run_one(mount.mount_root("vdz"))
        assert error.value.errno == Errno.ENXIO


def test_a_broken_disk_is_refused(root_image: Path) -> None:
    with file_kernel(root_image) as kernel:
        DRIVER.is_broken = True
        with pytest.raises(SysError) as error:
            kernel.run_one(mount.mount_root("vda"))
        assert error.value.errno == Errno.EIO
        assert INODES.in_use == 0


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b"/", Errno.EINVAL),
        (b"relative", Errno.EINVAL),
        (b"/a/../b", Errno.EINVAL),
        (b"/etc/motd/below", Errno.ENOTDIR),
        (b"/etc/loop/below", Errno.ELOOP),
        (b"/" + b"n" * 300, Errno.ENAMETOOLONG),
    ],
)
def test_paths_that_nothing_can_be_laid_over(mounted: KernelCpu, path: bytes, errno: int) -> None:
    before = INODES.in_use
    with pytest.raises(SysError) as error:
        mounted.run_one(mount.install_file(path, b"x", 0o644))
    assert error.value.errno == errno
    assert INODES.in_use <= before + 3  # inodes of the disk stay in memory


def test_laid_twice_the_last_holds_and_the_first_is_freed(mounted: KernelCpu) -> None:
    mounted.run_one(mount.install_file(b"/etc/new", b"one" * 2000, 0o644))
    inodes, names = INODES.in_use, NAMES.in_use
    mounted.run_one(mount.install_file(b"/etc/new", b"two", 0o600))
    assert mounted.run_one(content(b"/etc/new")) == b"two"
    assert (INODES.in_use, NAMES.in_use) == (inodes, names)


def test_a_directory_link_on_the_way_is_followed(mounted: KernelCpu) -> None:
    mounted.run_one(mount.install_file(b"/etc/self/deep/file", b"linked", 0o644))
    assert mounted.run_one(content(b"/etc/deep/file")) == b"linked"
