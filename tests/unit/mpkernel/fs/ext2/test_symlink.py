"""Targets of symbolic links of all lengths, and lengths that cannot be."""

import os
from pathlib import Path

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.ext2.directory import find
from mpkernel.fs.ext2.layout import FAST_SYMLINK_MAX, ROOT_INO, Inode
from mpkernel.fs.ext2.symlink import target_of
from mpkernel.fs.ext2.volume import open_volume
from mpkernel.tools.mkfs import make_image
from tests.support.files import HostReader
from tests.unit.mpkernel.fs.ext2.test_volume import run

LENGTHS = (1, FAST_SYMLINK_MAX - 1, FAST_SYMLINK_MAX, FAST_SYMLINK_MAX + 1, 500, 1023)


@pytest.fixture
def links(tmp_path: Path):
    """A volume, the host's targets, and a function from name to inode."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for length in LENGTHS:
        (tree / str(length)).symlink_to("t" * length)
    make_image(tmp_path / "image", 1 << 20, 1024, tree)
    reader = HostReader(tmp_path / "image")
    volume = run(open_volume(reader))

    def inode(name: str) -> Inode:
        ino = run(find(volume, run(volume.inode(ROOT_INO)), name.encode()))
        found: Inode = run(volume.inode(ino))
        return found

    yield volume, tree, inode
    reader.close()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_target_is_the_hosts(links, length: int):
    volume, tree, inode = links
    said = os.readlink(tree / str(length)).encode()
    assert run(target_of(volume, inode(str(length)))) == said


@pytest.mark.parametrize("size", [0, 4096, 1 << 20])
def test_an_impossible_length_is_eio(links, size: int):
    volume, _, inode = links
    bad = inode("500")
    bad.i_size = size
    with pytest.raises(SysError) as error:
        run(target_of(volume, bad))
    assert error.value.errno == Errno.EIO
