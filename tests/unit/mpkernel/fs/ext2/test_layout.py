"""The on-disk formats, against an image of mke2fs and what dumpe2fs says of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mpkernel.fs.ext2 import layout as ext2

needs_e2fsprogs = pytest.mark.skipif(shutil.which("mke2fs") is None, reason="needs e2fsprogs")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Twelve groups of 1 KiB blocks, a file and a long symbolic link."""
    path, source = tmp_path / "image", tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"x" * 20_000)
    (source / "link").symlink_to("y" * 80)
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext2", "-b", "1024", "-I", "256", "-L", "label", "-d", source,
         path, "96M"], check=True,
    )  # fmt: skip
    return path


def _dump(image: Path) -> dict[str, str]:
    text = subprocess.check_output(["dumpe2fs", image], text=True, stderr=subprocess.DEVNULL)
    return dict(re.findall(r"^([A-Z][^:\n]*):\s*(.*)$", text, re.MULTILINE)) | {"all": text}


@needs_e2fsprogs
def test_the_superblock_reads_as_dumpe2fs_says(image: Path) -> None:
    superblock = ext2.SuperBlock.from_buffer_copy(image.read_bytes(), ext2.SUPERBLOCK_OFFSET)
    said = _dump(image)
    assert superblock.s_magic == int(said["Filesystem magic number"], 16)
    for field, name in {
        "s_inodes_count": "Inode count", "s_blocks_count": "Block count",
        "s_r_blocks_count": "Reserved block count", "s_free_blocks_count": "Free blocks",
        "s_free_inodes_count": "Free inodes", "s_first_data_block": "First block",
        "s_reserved_gdt_blocks": "Reserved GDT blocks", "s_blocks_per_group": "Blocks per group",
        "s_inodes_per_group": "Inodes per group", "s_first_ino": "First inode",
        "s_inode_size": "Inode size", "s_checkinterval": "Check interval",
    }.items():  # fmt: skip
        assert getattr(superblock, field) == int(said[name].split()[0]), name
    assert bytes(superblock.s_uuid).hex() == said["Filesystem UUID"].replace("-", "")
    assert bytes(superblock.s_volume_name).rstrip(b"\0") == b"label"
    assert superblock.s_feature_incompat & ext2.INCOMPAT_FILETYPE
    assert superblock.s_feature_ro_compat & ext2.RO_COMPAT_SPARSE_SUPER
    assert "filetype" in said["Filesystem features"]


@needs_e2fsprogs
def test_the_group_descriptors_read_as_dumpe2fs_says(image: Path) -> None:
    content, said = image.read_bytes(), _dump(image)["all"]
    groups = re.findall(
        r"Group (\d+):.*?Block bitmap at (\d+).*?Inode bitmap at (\d+).*?Inode table at (\d+).*?"
        r"(\d+) free blocks, (\d+) free inodes, (\d+) directories",
        said, re.DOTALL,
    )  # fmt: skip
    assert len(groups) == 12
    for group, *numbers in groups:
        entry = ext2.GroupDescriptor.from_buffer_copy(content, 2048 + 32 * int(group))
        found = [
            entry.bg_block_bitmap, entry.bg_inode_bitmap, entry.bg_inode_table,
            entry.bg_free_blocks_count, entry.bg_free_inodes_count, entry.bg_used_dirs_count,
        ]  # fmt: skip
        assert found == [int(number) for number in numbers]


@needs_e2fsprogs
def test_copies_stand_where_mke2fs_puts_them(image: Path) -> None:
    said = {int(n) for n in re.findall(r"Group (\d+):.*\n.*uperblock at", _dump(image)["all"])}
    assert {group for group in range(12) if ext2.has_superblock(group, is_sparse=True)} == said
    assert all(ext2.has_superblock(group, is_sparse=False) for group in range(12))


@needs_e2fsprogs
def test_the_root_directory_and_its_files_are_found(image: Path) -> None:
    content = image.read_bytes()
    table = ext2.GroupDescriptor.from_buffer_copy(content, 2048).bg_inode_table

    def inode(number: int) -> ext2.Inode:
        return ext2.Inode.from_buffer_copy(content, table * 1024 + (number - 1) * 256)

    root = inode(ext2.ROOT_INO)
    assert root.i_mode & ext2.MODE_KIND_MASK == ext2.MODE_DIRECTORY
    start = offset = root.i_block[0] * 1024
    names = {}
    while offset < start + 1024:
        entry = ext2.DirectoryEntry.from_buffer_copy(content, offset)
        name = content[offset + 8 : offset + 8 + entry.name_len]
        assert entry.rec_len >= ext2.entry_size(entry.name_len)
        names[name] = (entry.inode, entry.file_type)
        offset += entry.rec_len
    assert set(names) == {b".", b"..", b"lost+found", b"file", b"link"}
    file, link = inode(names[b"file"][0]), inode(names[b"link"][0])
    assert (file.i_size, names[b"file"][1]) == (20_000, ext2.FT_REGULAR)
    assert content[file.i_block[ext2.INDIRECT] * 1024 :][:4] != bytes(4)
    assert (link.i_size, names[b"link"][1]) == (80, ext2.FT_SYMLINK)
    assert content[link.i_block[0] * 1024 :].startswith(b"y" * 80)


@pytest.mark.parametrize(("length", "size"), [(1, 12), (4, 12), (5, 16), (255, 264)])
def test_entries_lie_on_borders_of_four_bytes(length: int, size: int) -> None:
    assert ext2.entry_size(length) == size
