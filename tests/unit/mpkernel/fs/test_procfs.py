"""/proc and /dev: what is listed can be opened, texts are made at open, links point."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import O_RDONLY
from mpkernel.abi.stat import S_IFCHR
from mpkernel.fs import file as files
from mpkernel.fs.file import put_file
from mpkernel.fs.inode import INODES, put_inode
from mpkernel.fs.mount import mounts_text
from mpkernel.fs.open import open_path
from mpkernel.fs.path import list_directory, read_link, resolve
from tests.support.kernel_cpu import KernelCpu


async def read_path(path: bytes) -> bytes:
    file = await open_path(path, O_RDONLY)
    try:
        return await files.read(file, 4096)
    finally:
        put_file(file)


async def names(path: bytes) -> list[bytes]:
    directory = await resolve(path)
    entries = await list_directory(directory)
    put_inode(directory)
    assert [entry.cookie for entry in entries] == sorted({entry.cookie for entry in entries})
    for entry in entries[2:]:
        found = await resolve(path + b"/" + entry.name, follow=False)
        assert (found.ino, found.kind) == (entry.ino, entry.kind)
        put_inode(found)
    return [entry.name for entry in entries]


def test_listings(mounted: KernelCpu) -> None:
    assert mounted.run_one(names(b"/proc")) >= [b".", b".."]
    assert {b"self", b"7", b"uptime"} <= set(mounted.run_one(names(b"/proc")))
    listed = [b".", b"..", b"stat", b"status", b"exe", b"fd"]
    assert mounted.run_one(names(b"/proc/7")) == listed
    assert mounted.run_one(names(b"/proc/self/fd")) == [b".", b"..", b"0"]
    assert set(mounted.run_one(names(b"/dev"))) == {b".", b"..", b"null", b"zero", b"vda"}
    assert {b"bin", b"etc", b"dev", b"proc", b"tmp"} <= set(mounted.run_one(names(b"/")))


def test_texts_and_links(mounted: KernelCpu) -> None:
    assert mounted.run_one(read_path(b"/proc/uptime")) == b"12.00 24.00\n"
    assert mounted.run_one(read_path(b"/proc/self/status")) == b"status of 7\n"

    async def link(path: bytes) -> bytes:
        inode = await resolve(path, follow=False)
        try:
            return await read_link(inode)
        finally:
            put_inode(inode)

    assert mounted.run_one(link(b"/proc/self")) == b"7"
    assert mounted.run_one(link(b"/proc/7/exe")) == b"/bin/sh"
    assert mounted.run_one(link(b"/proc/7/fd/0")) == b"file 0"
    for path in (b"/proc/8", b"/proc/7/absent", b"/proc/7/fd/1", b"/proc/absent"):
        with pytest.raises(SysError) as error:
            mounted.run_one(link(path))
        assert error.value.errno == Errno.ENOENT


def test_inodes_of_proc_go_when_they_are_closed(mounted: KernelCpu) -> None:
    before = INODES.in_use
    for path in (b"/proc/7/stat", b"/proc/uptime", b"/proc/self/status"):
        mounted.run_one(read_path(path))
    assert INODES.in_use == before


def test_mounts(mounted: KernelCpu) -> None:
    lines = [line.split() for line in mounts_text().decode().splitlines()]
    assert [line[1:4] for line in lines] == [
        ["/", "ext2", "ro"], ["/dev", "devfs", "rw"], ["/proc", "proc", "ro"],
        ["/tmp", "tmpfs", "rw"],
    ]  # fmt: skip


def test_devices(mounted: KernelCpu) -> None:
    async def body() -> None:
        null = await resolve(b"/dev/null")
        assert (null.kind, null.device) == (S_IFCHR, 0x103)
        put_inode(null)
        file = await open_path(b"/dev/zero", O_RDONLY)
        assert await files.read(file, 5) == bytes(5)
        put_file(file)

    mounted.run_one(body())
