"""Details of a written image that no checker looks at."""

import uuid
from pathlib import Path

import pytest

from mpkernel.fs.ext2 import layout as ext2
from mpkernel.tools.ext2_geometry import Geometry, plan
from mpkernel.tools.file_tree import Directory, ImageError, Node, Regular, Symlink, regular
from mpkernel.tools.mkfs import make_tree_image

SIZE = 12 << 20


def _write(path: Path, **files: Node) -> tuple[bytes, Geometry]:
    root = Directory(entries={name.encode(): node for name, node in files.items()})
    make_tree_image(path, SIZE, 1024, root)
    return path.read_bytes(), plan(SIZE, 1024, len(files) + 2)


def _inode(content: bytes, geometry: Geometry, number: int) -> ext2.Inode:
    return ext2.Inode.from_buffer_copy(content, geometry.inode_offset(number))


@pytest.mark.parametrize(("length", "is_fast"), [(1, True), (59, True), (60, False)])
def test_a_short_link_lies_in_its_inode(tmp_path: Path, length: int, *, is_fast: bool) -> None:
    target = b"t" * length
    content, geometry = _write(tmp_path / "image", link=Symlink(target=target))
    inode = _inode(content, geometry, 12)
    assert inode.i_size == length
    assert (inode.i_blocks == 0) == is_fast
    place = geometry.inode_offset(12) + ext2.Inode.offset_of("i_block")
    assert (content[place : place + length] == target) == is_fast


def test_blocks_of_zeros_are_holes(tmp_path: Path) -> None:
    content, geometry = _write(tmp_path / "image", file=regular(bytes(3000) + b"end"))
    inode = _inode(content, geometry, 12)
    assert [bool(block) for block in inode.i_block[:4]] == [False, False, True, False]
    assert inode.i_blocks == 2


def test_times_beyond_the_format_become_its_limits(tmp_path: Path) -> None:
    content, geometry = _write(
        tmp_path / "image", early=Regular(mtime=-(1 << 40)), late=Regular(mtime=1 << 40)
    )
    assert _inode(content, geometry, 12).i_mtime == 0x8000_0000
    assert _inode(content, geometry, 13).i_mtime == 0x7FFF_FFFF


def test_each_copy_of_the_superblock_names_its_group(tmp_path: Path) -> None:
    content, geometry = _write(tmp_path / "image")
    assert geometry.groups == 2
    first = ext2.SuperBlock.from_buffer_copy(content, 1024)
    second = ext2.SuperBlock.from_buffer_copy(content, geometry.group_start(1) * 1024)
    assert (first.s_block_group_nr, second.s_block_group_nr) == (0, 1)
    assert bytes(first.s_uuid) == bytes(second.s_uuid)
    assert uuid.UUID(bytes=bytes(first.s_uuid)).version == 8


def test_too_many_links_are_refused(tmp_path: Path) -> None:
    folders: dict[str, Node] = {f"folder{index}": Directory() for index in range(32_000)}
    with pytest.raises(ImageError, match="more than 32000 links"):
        make_tree_image(
            tmp_path / "image", 256 << 20, 4096,
            Directory(entries={name.encode(): node for name, node in folders.items()}),
        )  # fmt: skip


def test_a_link_longer_than_a_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="symbolic link of 1024 bytes is too long"):
        _write(tmp_path / "image", link=Symlink(target=b"t" * 1024))
