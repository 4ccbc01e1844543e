"""Files of all kinds: content against the host's, positions, appends, truncation, references."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import (
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
)
from mpkernel.fs import file as files
from mpkernel.fs import mount
from mpkernel.fs.file import FILES, put_file
from mpkernel.fs.inode import INODES, put_inode
from mpkernel.fs.open import open_path
from mpkernel.fs.path import resolve
from tests.support.files import DRIVER, file_kernel
from tests.support.kernel_cpu import KernelCpu


async def read_path(path: bytes, piece: int = 1 << 20) -> bytes:
    file = await open_path(path, O_RDONLY)
    try:
        data = b""
        while part := await files.read(file, piece):
            data += part
        return data
    finally:
        put_file(file)


async def write_path(path: bytes, data: bytes, flags: int = O_WRONLY | O_CREAT | O_TRUNC) -> None:
    file = await open_path(path, flags, 0o644)
    try:
        assert await files.write(file, data) == len(data)
    finally:
        put_file(file)


async def errno_of_open(path: bytes, flags: int) -> int:
    try:
        put_file(await open_path(path, flags))
    except SysError as error:
        return error.errno
    return 0


@pytest.mark.parametrize("piece", [1 << 20, 4096, 777])
def test_disk_files_read_as_written(mounted: KernelCpu, root_image: Path, piece: int) -> None:
    tree = root_image.parent / "tree"
    for name in ("etc/motd", "large", "holes", "bin/hello"):
        data = mounted.run_one(read_path(b"/" + name.encode(), piece))
        assert data == (tree / name).read_bytes()


def test_a_page_is_read_from_the_disk_once(mounted: KernelCpu) -> None:
    mounted.run_one(read_path(b"/large"))
    before = len(DRIVER.sectors)
    mounted.run_one(read_path(b"/large"))
    assert len(DRIVER.sectors) == before


def test_two_readers_share_one_read(mounted: KernelCpu) -> None:
    first, second = mounted.run(read_path(b"/large"), read_path(b"/large"))
    assert first == second
    assert len(DRIVER.sectors) == len(set(DRIVER.sectors))


def test_a_broken_disk_is_eio_and_heals(mounted: KernelCpu) -> None:
    DRIVER.is_broken = True
    with pytest.raises(SysError) as error:
        mounted.run_one(read_path(b"/large"))
    assert error.value.errno == Errno.EIO
    DRIVER.is_broken = False
    assert len(mounted.run_one(read_path(b"/large"))) == 500_000


def test_the_disk_itself_is_a_file(mounted: KernelCpu, root_image: Path) -> None:
    assert mounted.run_one(read_path(b"/dev/vda")) == root_image.read_bytes()


@pytest.mark.parametrize(
    ("path", "flags", "errno"),
    [
        (b"/etc/motd", O_RDWR, Errno.EROFS), (b"/etc/new", O_RDWR | O_CREAT, Errno.EROFS),
        (b"/etc/motd", O_RDONLY | O_CREAT, 0), (b"/etc", O_RDWR, Errno.EISDIR),
        (b"/etc", O_RDONLY | O_CREAT, Errno.EISDIR), (b"/etc", O_RDONLY | O_DIRECTORY, 0),
        (b"/etc/motd", O_DIRECTORY, Errno.ENOTDIR), (b"/etc/motto", O_NOFOLLOW, Errno.ELOOP),
        (b"/etc/motd", O_CREAT | O_EXCL, Errno.EEXIST), (b"/tmp/x/y", O_CREAT, Errno.ENOENT),
        (b"/etc/motd", O_WRONLY | O_RDWR, Errno.EROFS), (b"/tmp/new/", O_CREAT, Errno.EISDIR),
        (b"/dev/console", O_RDWR, Errno.ENOENT), (b"/dev/null", O_RDWR, 0),
        (b"/tmp/new", O_RDWR | O_CREAT | O_EXCL, 0), (b"/proc/uptime", O_RDONLY, 0),
        (b"/proc/uptime", O_RDWR, Errno.EROFS),
    ],
)  # fmt: skip
def test_errors_of_open(mounted: KernelCpu, path: bytes, flags: int, errno: int) -> None:
    assert mounted.run_one(errno_of_open(path, flags)) == errno


def test_created_through_a_dangling_link(bare: KernelCpu) -> None:
    async def body() -> bytes:
        from mpkernel.fs.directory import create_symlink  # noqa: PLC0415

        directory = await resolve(b"/tmp")
        await create_symlink(directory, b"link", b"../tmp/target")
        put_inode(directory)
        await write_path(b"/tmp/link", b"through")
        return await read_path(b"/tmp/target")

    assert bare.run_one(body()) == b"through"


def test_positions(bare: KernelCpu) -> None:
    async def body() -> None:
        file = await open_path(b"/tmp/f", O_RDWR | O_CREAT)
        await files.write(file, b"0123456789")
        assert await files.seek(file, 3, SEEK_SET) == 3
        assert await files.read(file, 2) == b"34"
        assert await files.seek(file, -1, SEEK_CUR) == 4
        assert await files.seek(file, 5, SEEK_END) == 15
        await files.write(file, b"x")
        assert await files.read_at(file, 8, 100) == b"89" + bytes(5) + b"x"
        assert file.offset == 16
        for offset, whence in ((-1, SEEK_SET), (0, 7)):
            with pytest.raises(SysError):
                await files.seek(file, offset, whence)
        put_file(file)

    bare.run_one(body())


def test_append_goes_to_the_end_whoever_wrote(bare: KernelCpu) -> None:
    async def body() -> bytes:
        one = await open_path(b"/tmp/log", O_WRONLY | O_CREAT | O_APPEND)
        two = await open_path(b"/tmp/log", O_WRONLY | O_APPEND)
        for turn in range(4):
            await files.write((one, two)[turn % 2], b"%d" % turn)
        put_file(one)
        put_file(two)
        return await read_path(b"/tmp/log")

    assert bare.run_one(body()) == b"0123"


def test_truncation_clears_what_it_cut(bare: KernelCpu) -> None:
    async def body() -> bytes:
        await write_path(b"/tmp/t", b"y" * 9000)
        inode = await resolve(b"/tmp/t")
        await files.truncate(inode, 10)
        await files.truncate(inode, 5000)
        put_inode(inode)
        return await read_path(b"/tmp/t")

    assert bare.run_one(body()) == b"y" * 10 + bytes(4990)


def test_closed_files_leave_nothing(bare: KernelCpu) -> None:
    async def body() -> tuple[int, int]:
        for number in range(5):
            await write_path(b"/tmp/f%d" % number, b"z" * 5000)
        parent = await resolve(b"/tmp")
        from mpkernel.fs.directory import unlink  # noqa: PLC0415

        file = await open_path(b"/tmp/f0", O_RDONLY)
        for number in range(5):
            unlink(parent, b"f%d" % number)
        put_inode(parent)
        assert await files.read(file, 3) == b"zzz"  # alive while it is open
        put_file(file)
        return FILES.in_use, INODES.in_use

    before = INODES.in_use
    assert bare.run_one(body()) == (0, before)


def test_install_file_hides_and_makes_directories(mounted: KernelCpu) -> None:
    async def body() -> None:
        await mount.install_file(b"/etc/motd", b"mine", 0o644)
        await mount.install_file(b"/opt/deep/program", b"\x7fELF", 0o755)
        assert await read_path(b"/etc/motd") == b"mine"
        assert await read_path(b"/etc/motto") == b"mine"
        assert await read_path(b"/opt/deep/../deep/program") == b"\x7fELF"
        inode = await resolve(b"/opt/deep/program")
        assert inode.mode & 0o777 == 0o755
        put_inode(inode)

    mounted.run_one(body())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "truncate", "append"]), st.integers(0, 20_000),
                  st.binary(max_size=6000)),
        max_size=12,
    )
)  # fmt: skip
def test_a_file_in_memory_is_a_bytearray(steps: list[tuple[str, int, bytes]]) -> None:
    model = bytearray()

    async def body() -> bytes:
        file = await open_path(b"/tmp/f", O_RDWR | O_CREAT)
        for kind, at, data in steps:
            if kind == "truncate":
                await files.truncate(file.node, at)
                model[at:] = b""
                model.extend(bytes(at - len(model)))
                continue
            place = len(model) if kind == "append" else at
            await files.write_at(file, place, data)
            if data:
                model.extend(bytes(max(0, place - len(model))))
                model[place : place + len(data)] = data
        put_file(file)
        return await read_path(b"/tmp/f")

    with file_kernel() as kernel:
        kernel.run_one(mount.mount_all(""))
        assert kernel.run_one(body()) == bytes(model)
