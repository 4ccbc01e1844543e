"""Making images: refusals, the file itself, and sameness. What is in it: test_ext2_image."""

import os
import stat
from pathlib import Path

import pytest

from mpkernel.fs.ext2.layout import EXT2_MAGIC, SUPERBLOCK_OFFSET, SuperBlock
from mpkernel.tools.file_tree import Directory, ImageError, Regular, regular
from mpkernel.tools.mkfs import make_image, make_tree_image

MIB = 1 << 20


def _superblock(path: Path) -> SuperBlock:
    return SuperBlock.from_buffer_copy(path.read_bytes(), SUPERBLOCK_OFFSET)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "file").write_bytes(b"content" * 1000)
    return folder


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_the_superblock_tells_the_geometry(tmp_path: Path, block_size: int) -> None:
    image = tmp_path / "image"
    make_image(image, 20 * MIB, block_size)
    superblock = _superblock(image)
    assert image.stat().st_size == 20 * MIB
    assert superblock.s_magic == EXT2_MAGIC
    assert 1024 << superblock.s_log_block_size == block_size
    assert superblock.s_blocks_count == 20 * MIB // block_size
    assert image.stat().st_blocks * 512 < 2 * MIB, "unused blocks take no room on the host"


def test_the_same_files_give_the_same_image(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_image(tmp_path / name, MIB, 1024, source)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    (source / "file").write_bytes(b"Content" * 1000)
    os.utime(source / "file", (1, 1))
    make_image(tmp_path / "two", MIB, 1024, source)
    uuids = [bytes(_superblock(tmp_path / name).s_uuid) for name in ("one", "two")]
    assert uuids[0] != uuids[1]


@pytest.mark.parametrize(
    ("size", "block_size", "message"),
    [(0, 1024, "0 bytes are too few"), (8192, 4096, "8192 bytes are too few"),
     (MIB, 512, "block size 512 is not"), (MIB, 3000, "block size 3000 is not"),
     (100 * 1024, 1024, "do not fit an image of 102400 bytes"),
     (1 << 43, 1024, "too many for 1024-byte blocks")],
)  # fmt: skip
def test_a_size_that_cannot_be_is_refused(
    source: Path, tmp_path: Path, size: int, block_size: int, message: str
) -> None:
    (source / "big").write_bytes(b"x" * 100_000)
    image = tmp_path / "image"
    image.write_text("as it was")
    with pytest.raises(ImageError, match=message) as caught:
        make_image(image, size, block_size, source)
    assert "\n" not in str(caught.value)
    assert image.read_text() == "as it was"
    assert {path.name for path in tmp_path.iterdir()} == {"image", "source"}


def test_a_source_that_is_not_there_or_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot read .*absent: No such file or directory"):
        make_image(tmp_path / "image", MIB, 1024, tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="file is not a directory"):
        make_image(tmp_path / "image", MIB, 1024, tmp_path / "file")
    assert not (tmp_path / "image").exists()


def test_an_image_does_not_contain_itself(source: Path) -> None:
    with pytest.raises(ImageError, match="would contain itself"):
        make_image(source / "image", MIB, 1024, source)


def test_a_target_that_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for target in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(ImageError, match="is not a regular file"):
            make_image(target, MIB, 1024)
    with pytest.raises(ImageError, match=r"cannot write .*: No such file or directory"):
        make_image(tmp_path / "absent" / "image", MIB, 1024)


def test_a_link_to_an_image_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("image")
    make_image(tmp_path / "link", MIB, 1024)
    assert (tmp_path / "link").is_symlink()
    assert _superblock(tmp_path / "image").s_magic == EXT2_MAGIC


def test_the_image_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    make_image(tmp_path / "image", MIB, 1024)
    rights = stat.S_IMODE((tmp_path / "image").stat().st_mode)
    assert rights == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_lost_and_found_must_be_a_directory(tmp_path: Path) -> None:
    root = Directory(entries={b"lost+found": regular(b"")})
    with pytest.raises(ImageError, match=r"/lost\+found must be a directory"):
        make_tree_image(tmp_path / "image", MIB, 1024, root)


def test_a_file_beyond_the_block_map_is_refused(tmp_path: Path, source: Path) -> None:
    with (source / "huge").open("wb") as file:
        file.truncate(1 << 35)
    with pytest.raises(ImageError, match="34359738368 bytes is too large"):
        make_image(tmp_path / "image", MIB, 1024, source)


def test_a_file_that_goes_away_is_one_line(tmp_path: Path, source: Path) -> None:
    root = Directory(entries={b"file": regular(source / "file")})
    (source / "file").unlink()
    with pytest.raises(ImageError, match=r"cannot read .*file: No such file"):
        make_tree_image(tmp_path / "image", MIB, 1024, root)
    assert not (tmp_path / "image").exists()


def test_a_file_that_shrinks_meanwhile_ends_in_zeros(tmp_path: Path, source: Path) -> None:
    node = regular(source / "file")
    assert isinstance(node, Regular)
    (source / "file").write_bytes(b"short")
    make_tree_image(tmp_path / "image", MIB, 1024, Directory(entries={b"file": node}))
    assert b"short" + bytes(1019) in (tmp_path / "image").read_bytes()
