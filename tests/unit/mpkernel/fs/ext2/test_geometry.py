"""What the superblock says, as dumpe2fs reads it from volumes that mke2fs made."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mpkernel.fs.ext2.geometry import Geometry, VolumeError, parse_superblock
from mpkernel.fs.ext2.layout import SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, SuperBlock

pytestmark = [
    pytest.mark.feature("I3"),
    pytest.mark.skipif(shutil.which("mke2fs") is None, reason="needs e2fsprogs"),
]
SIZE = 20 << 20


def _superblock(image: Path) -> bytes:
    return image.read_bytes()[SUPERBLOCK_OFFSET:][:SUPERBLOCK_SIZE]


def _made(image: Path, *options: str) -> Geometry:
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", *options, image, "20M"], check=True)
    return parse_superblock(_superblock(image), SIZE)


@pytest.mark.parametrize("block_size", ["1024", "2048", "4096"])
@pytest.mark.parametrize("options", [[], ["-r", "0"], ["-I", "256", "-N", "5000"], ["-g", "2048"]])
def test_numbers_are_those_of_dumpe2fs(tmp_path: Path, block_size: str, options: list[str]) -> None:
    image = tmp_path / "image"
    plain = [] if "0" in options else ["-O", "none,filetype"]
    found = _made(image, "-b", block_size, *plain, *options)
    said = subprocess.run(["dumpe2fs", image], capture_output=True, text=True, check=True).stdout
    rows = dict(re.findall(r"^([A-Z][^:\n]*):[ \t]+(\S+)", said, re.MULTILINE))
    assert str(found.block_size) == rows["Block size"] == block_size
    assert str(found.blocks) == rows["Block count"]
    assert str(found.first_data_block) == rows["First block"]
    assert str(found.inodes) == rows["Inode count"]
    assert str(found.inodes_per_group) == rows["Inodes per group"]
    assert str(found.free_blocks) == rows["Free blocks"]
    assert str(found.free_inodes) == rows["Free inodes"]
    assert found.inode_bytes == int(rows.get("Inode size", 128))
    assert found.groups == len(re.findall(r"^Group \d+:", said, re.MULTILINE))
    assert found.has_file_types == ("0" not in options)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("s_magic", 0xEF54, "wrong magic"),
        ("s_rev_level", 2, "revision 2"),
        ("s_log_block_size", 3, "too large"),
        ("s_first_data_block", 1, "first data block"),
        ("s_blocks_per_group", 0, "blocks a group"),
        ("s_inodes_per_group", 1 << 31, "inodes a group"),
        ("s_inode_size", 192, "inode size"),
        ("s_blocks_count", 1, "too few"),
        ("s_blocks_count", 1 << 30, "exceed the device"),
        ("s_inodes_count", 1 << 30, "do not fit"),
        ("s_feature_incompat", 0x40, "unknown ext2 features: extents"),
    ],
)
def test_a_damaged_superblock_is_refused_by_name(
    tmp_path: Path, field: str, value: int, words: str
) -> None:
    image = tmp_path / "image"
    _made(image, "-b", "4096", "-O", "none")
    block = SuperBlock.from_buffer_copy(_superblock(image))
    setattr(block, field, value)
    with pytest.raises(VolumeError, match=words):
        parse_superblock(bytes(block), SIZE)
