"""Paths on an ext2 image and a tmpfs: what they name and refuse; no reference is lost."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.file import read_inode_at
from mpkernel.fs.inode import Inode, put_inode
from mpkernel.fs.path import path_of, resolve, resolve_parent
from tests.support.kernel_cpu import KernelCpu


async def content(path: bytes, *, follow: bool = True) -> bytes:
    inode = await resolve(path, follow=follow)
    try:
        return await read_inode_at(inode, 0, 1 << 20)
    finally:
        put_inode(inode)


async def errno_of(path: bytes, *, follow: bool = True) -> int:
    try:
        put_inode(await resolve(path, follow=follow))
    except SysError as error:
        return error.errno
    return 0


@pytest.mark.parametrize(
    "path",
    [b"/etc/motd", b"//etc///motd", b"/etc/../etc/./motd", b"/../../etc/motd", b"etc/motd",
     b"/etc/motto", b"/etc/top", b"/etc/self/self/motd", b"/bin/../etc/motto"],
)  # fmt: skip
def test_paths_that_name_one_file(mounted: KernelCpu, path: bytes) -> None:
    assert mounted.run_one(content(path)) == b"welcome\n"


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b"", Errno.ENOENT), (b"/absent", Errno.ENOENT), (b"/absent/x", Errno.ENOENT),
        (b"/etc/motd/x", Errno.ENOTDIR), (b"/etc/motd/", Errno.ENOTDIR),
        (b"/etc/motd/..", Errno.ENOTDIR), (b"/etc/loop", Errno.ELOOP),
        (b"/etc/loop/x", Errno.ELOOP), (b"/etc/nowhere", Errno.ENOENT),
        (b"/" + b"n" * 256, Errno.ENAMETOOLONG), (b"/x" * 3000, Errno.ENAMETOOLONG),
        (b"/etc/motto/", Errno.ENOTDIR), (b"/etc/self/", 0), (b"/", 0), (b"/.", 0), (b"/..", 0),
    ],
)  # fmt: skip
def test_errors_of_paths(mounted: KernelCpu, path: bytes, errno: int) -> None:
    assert mounted.run_one(errno_of(path)) == errno


def test_links_are_followed_only_if_asked(mounted: KernelCpu) -> None:
    async def body() -> None:
        link = await resolve(b"/etc/motto", follow=False)
        assert link.is_symlink
        put_inode(link)
        loop = await resolve(b"/etc/loop", follow=False)
        assert loop.is_symlink
        put_inode(loop)
        directory = await resolve(b"/etc/self/", follow=False)
        assert directory.is_directory
        put_inode(directory)

    mounted.run_one(body())


def test_working_directories_have_paths(mounted: KernelCpu) -> None:
    async def body(path: bytes) -> bytes:
        inode = await resolve(path)
        try:
            return await path_of(inode)
        finally:
            put_inode(inode)

    for path, name in (
        (b"/", b"/"),
        (b"/etc/self", b"/etc"),
        (b"/dev", b"/dev"),
        (b"/tmp/..", b"/"),
    ):
        assert mounted.run_one(body(path)) == name
    assert mounted.run_one(body(b"/proc/7/fd")) == b"/proc/7/fd"


def test_parents(mounted: KernelCpu) -> None:
    async def body(path: bytes) -> bytes:
        parent, name = await resolve_parent(path)
        put_inode(parent)
        assert parent.is_directory
        return name

    assert mounted.run_one(body(b"/etc/new")) == b"new"
    assert mounted.run_one(body(b"/tmp/dir/")) == b"dir"
    with pytest.raises(SysError):
        mounted.run_one(body(b"/etc/motd/new"))


def test_references_balance(mounted: KernelCpu) -> None:
    paths = [b"/etc/top", b"/etc/loop", b"/etc/motd/x", b"/dev/null", b"/tmp/absent",
             b"/proc/7/exe",
             b"/proc/self/stat", b"/etc/self/../bin/hello", b"/proc/8"]  # fmt: skip

    async def counts() -> list[int]:
        found = []
        for path in (b"/", b"/etc", b"/etc/motd", b"/dev", b"/tmp", b"/proc"):
            inode = await resolve(path)
            found.append(inode.references.value)
            put_inode(inode)
        return found

    async def touch_all() -> None:
        for path in paths:
            for follow in (True, False):
                await errno_of(path, follow=follow)

    mounted.run_one(touch_all())
    before = mounted.run_one(counts())
    mounted.run_one(touch_all())
    assert mounted.run_one(counts()) == before
    assert Inode.SIZE < 1024
