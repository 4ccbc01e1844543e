"""ext2 reading over a plain host file, against the tree that went in and against damage."""

import os
import random
import stat
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.ext2 import directory, symlink
from mpkernel.fs.ext2.block_map import block_of, read_file
from mpkernel.fs.ext2.geometry import VolumeError
from mpkernel.fs.ext2.layout import (
    BLOCK_POINTERS,
    ROOT_INO,
    SUPERBLOCK_OFFSET,
    DirectoryEntry,
    Inode,
    SuperBlock,
)
from mpkernel.fs.ext2.volume import Volume, open_volume
from mpkernel.tools.mkfs import make_image
from tests.support.files import HostReader


def run(body: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never sleeps."""
    try:
        body.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("slept")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Small, large and sparse files, links short and long, a directory of many blocks."""
    root = tmp_path / "tree"
    (root / "many").mkdir(parents=True)
    (root / "deep/er").mkdir(parents=True)
    make = random.Random(1)
    (root / "small").write_bytes(b"hello\n")
    (root / "empty").write_bytes(b"")
    (root / "large").write_bytes(make.randbytes(400_000))
    with (root / "sparse").open("wb") as file:
        file.seek(1 << 27)  # far into the triple-indirect blocks of 1 KiB
        file.write(b"end")
    for number in range(300):
        (root / "many" / f"name-{number:04}-{'x' * (number % 50)}").write_bytes(
            str(number).encode()
        )
    (root / "deep/er/fast").symlink_to("../small")
    (root / "deep/er/slow").symlink_to("a/" * 80)
    (root / "deep/er/edge").symlink_to("e" * 59)
    (root / "deep/er/past").symlink_to("e" * 60)
    return root


@pytest.fixture(params=[1024, 2048, 4096])
def volume(tmp_path: Path, tree: Path, request: pytest.FixtureRequest) -> Iterator[Volume]:
    """The tree, written by mkfs."""
    image = tmp_path / "image"
    make_image(image, 16 << 20, request.param, tree)
    reader = HostReader(image)
    yield run(open_volume(reader))
    reader.close()


async def walk(volume: Volume, ino: int, path: str = "") -> dict[str, tuple[int, bytes]]:
    """Mode and content of everything below an inode."""
    found = {}
    raw = await volume.inode(ino)
    async for name in directory.entries(volume, raw):
        if name.name in (b".", b"..", b"lost+found"):
            continue
        here = f"{path}/{os.fsdecode(name.name)}"
        below = await volume.inode(name.ino)
        content = b""
        if stat.S_ISDIR(below.i_mode):
            found |= await walk(volume, name.ino, here)
        elif stat.S_ISLNK(below.i_mode):
            content = await symlink.target_of(volume, below)
        elif volume.size_of(below) < 1 << 20:
            content = await read_file(volume, below, 0, 1 << 20)
        found[here] = (below.i_mode, content)
    return found


def test_the_whole_tree_comes_back(volume: Volume, tree: Path) -> None:
    expected = {}
    for path in tree.rglob("*"):
        content = b""
        if path.is_symlink():
            content = os.fsencode(os.readlink(path))
        elif path.is_file() and path.stat().st_size < 1 << 20:
            content = path.read_bytes()
        expected[f"/{path.relative_to(tree)}"] = (path.lstat().st_mode, content)
    assert run(walk(volume, ROOT_INO)) == expected


def test_a_hole_reads_as_zeros_and_has_no_block(volume: Volume) -> None:
    async def body() -> None:
        root = await volume.inode(ROOT_INO)
        sparse = await volume.inode(await directory.find(volume, root, b"sparse"))
        assert volume.size_of(sparse) == (1 << 27) + 3
        assert await read_file(volume, sparse, 5000, 3000) == bytes(3000)
        assert await read_file(volume, sparse, (1 << 27) - 2, 100) == b"\0\0end"
        assert await block_of(volume, sparse, 100) == 0

    run(body())


def test_absent_names_and_inodes(volume: Volume) -> None:
    async def body() -> None:
        root = await volume.inode(ROOT_INO)
        for ino in (0, volume.geometry.inodes + 1):
            with pytest.raises(SysError) as error:
                await volume.inode(ino)
            assert error.value.errno == Errno.EIO
        for name in (b"absent", b"smal", b"small\0", b""):
            with pytest.raises(SysError) as error:
                await directory.find(volume, root, name)
            assert error.value.errno == Errno.ENOENT

    run(body())


def _damaged(tmp_path: Path, field: str, value: int) -> HostReader:
    image = tmp_path / "bad"
    make_image(image, 2 << 20, 1024, None)
    data = bytearray(image.read_bytes())
    block = SuperBlock.from_buffer(data, SUPERBLOCK_OFFSET)
    setattr(block, field, value)
    del block
    image.write_bytes(data)
    return HostReader(image)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("s_magic", 0, "magic"),
        ("s_feature_incompat", 0x42, "extents"),
        ("s_feature_incompat", 1 << 30, "bit 30"),
        ("s_log_block_size", 9, "block size"),
        ("s_log_block_size", 2, "first data block"),
        ("s_blocks_per_group", 0, "blocks a group"),
        ("s_inodes_per_group", 0, "inodes a group"),
        ("s_inodes_per_group", 1 << 31, "inodes a group"),
        ("s_inode_size", 0, "inode size"),
        ("s_inode_size", 192, "inode size"),
        ("s_blocks_count", 1 << 31, "exceed"),
        ("s_blocks_count", 0, "too few"),
        ("s_inodes_count", 1 << 30, "inodes"),
        ("s_rev_level", 7, "revision"),
    ],
)  # fmt: skip
def test_bad_superblocks_are_refused_by_name(
    tmp_path: Path, field: str, value: int, text: str
) -> None:
    reader = _damaged(tmp_path, field, value)
    with pytest.raises(VolumeError, match=text):
        run(open_volume(reader))
    reader.close()


def test_what_is_no_volume_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"x" * 1500, bytes(1 << 16)):
        path = tmp_path / "none"
        path.write_bytes(data)
        reader = HostReader(path)
        with pytest.raises(VolumeError):
            run(open_volume(reader))
        reader.close()


def test_damaged_directories_and_maps_are_eio() -> None:
    def entry(rec_len: int, name_len: int) -> bytes:
        return bytes(DirectoryEntry(5, rec_len, name_len, 1))

    good = entry(12, 1) + b"a\0\0\0" + entry(1012, 1) + b"b".ljust(1004, b"\0")
    assert [name.name for name in directory.names_in(good, 0, has_file_types=True)] == [b"a", b"b"]
    for rec_len, name_len in ((0, 1), (8, 1), (13, 1), (2000, 1), (12, 200)):
        with pytest.raises(SysError):
            list(
                directory.names_in(
                    entry(rec_len, name_len).ljust(1024, b"\0"), 0, has_file_types=True
                )
            )


def test_random_damage_ends_in_eio_or_refusal(tmp_path: Path, tree: Path) -> None:
    image = tmp_path / "image"
    make_image(image, 4 << 20, 1024, tree)
    pristine = image.read_bytes()
    for seed in range(60):
        make = random.Random(seed)
        data = bytearray(pristine)
        for _ in range(30):
            at = make.choice((make.randrange(1024, 60_000), make.randrange(len(data))))
            data[at] = make.randrange(256)
        image.write_bytes(data)
        reader = HostReader(image)
        try:
            volume = run(open_volume(reader))
            for ino in range(1, min(volume.geometry.inodes, 60)):
                _visit(volume, ino)
        except (VolumeError, SysError):
            pass
        reader.close()


def _visit(volume: Volume, ino: int) -> None:
    async def body() -> None:
        raw = await volume.inode(ino)
        await read_file(volume, raw, 0, 20_000)
        async for name in directory.entries(volume, raw):
            assert name.name
        await symlink.target_of(volume, raw)

    try:
        run(body())
    except SysError as error:
        assert error.errno == Errno.EIO  # noqa: PT017


def test_block_numbers_beyond_the_volume_are_eio(volume: Volume) -> None:
    raw = Inode(i_size=1 << 20, i_mode=0x8000)
    for index in range(BLOCK_POINTERS):
        raw.i_block[index] = volume.geometry.blocks
    for index in (0, 12, 12 + volume.geometry.block_size // 4):
        with pytest.raises(SysError):
            run(block_of(volume, raw, index))


@pytest.mark.skipif(not any((Path(p) / "mke2fs").exists() for p in ("/sbin", "/usr/sbin")),
                    reason="needs e2fsprogs")  # fmt: skip
def test_a_volume_of_mke2fs(tmp_path: Path, tree: Path) -> None:
    image = tmp_path / "image"
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext2", "-b", "1024", "-d", tree, image, "24M"], check=True
    )
    reader = HostReader(image)
    found = run(walk(run(open_volume(reader)), ROOT_INO))
    reader.close()
    assert found["/large"][1] == (tree / "large").read_bytes()
    assert found["/deep/er/slow"][1] == b"a/" * 80
    assert len(found) == len(list(tree.rglob("*")))
