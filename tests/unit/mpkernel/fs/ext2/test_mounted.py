"""A mounted volume: one inode in memory a file, whoever asks; all is the host's own tree."""

import os
from pathlib import Path

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.block_file import new_block_inode
from mpkernel.fs.ext2 import mounted
from mpkernel.fs.ext2.mounted import Ext2, inode_of, mount, volume_of
from mpkernel.fs.file import read_inode_at
from mpkernel.fs.inode import INODES, Inode, put_inode
from mpkernel.tools.mkfs import make_image
from tests.support.files import file_kernel


@pytest.fixture
def volume(tmp_path: Path):
    """A kernel CPU, the tree and the root directory of its image."""
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/file").write_bytes(os.urandom(70_000))
    (tree / "a/link").symlink_to("file")
    os.chmod(tree / "a/file", 0o4751)
    os.utime(tree / "a/file", (1_000_000_000, 1_234_567_890))
    for number in range(200):
        (tree / f"a/b/{number}").write_bytes(b"")
    make_image(tmp_path / "image", 4 << 20, 1024, tree)
    with file_kernel(tmp_path / "image") as kernel:
        mounted.init()
        disk = new_block_inode(0)
        root = kernel.run_one(mount(disk))
        put_inode(disk)
        yield kernel, tree, root
        put_inode(root)


async def walk(root: Inode, *names: bytes) -> Inode:
    inode = root
    for name in names:
        inode = await Ext2().lookup(inode, name)
    return inode


def test_what_an_inode_says_is_what_the_host_says(volume):
    kernel, tree, root = volume
    inode = kernel.run_one(walk(root, b"a", b"file"))
    said = os.stat(tree / "a/file")
    assert inode.mode == said.st_mode
    assert inode.cache.size_bytes == said.st_size
    assert inode.mtime_ns == said.st_mtime_ns
    assert kernel.run_one(read_inode_at(inode, 0, 1 << 20)) == (tree / "a/file").read_bytes()


def test_a_file_has_one_inode_in_memory(volume):
    kernel, _, root = volume
    first, second = kernel.run(walk(root, b"a", b"file"), walk(root, b"a", b"file"))
    assert first.phys == second.phys
    count = INODES.in_use
    kernel.run_one(walk(root, b"a", b"file"))
    assert INODES.in_use == count


def test_a_directory_lists_what_the_host_lists(volume):
    kernel, tree, root = volume
    inner = kernel.run_one(walk(root, b"a", b"b"))
    entries = kernel.run_one(Ext2().entries(inner))
    assert sorted(entry.name.decode() for entry in entries) == sorted(os.listdir(tree / "a/b"))
    cookies = [entry.cookie for entry in entries]
    assert cookies == sorted(set(cookies))
    assert cookies[0] >= mounted.FIRST_COOKIE
    link = kernel.run_one(walk(root, b"a", b"link"))
    assert kernel.run_one(Ext2().read_link(link)) == b"file"


def test_another_cpu_makes_the_same_volume_of_what_is_in_ram(volume):
    _, _, root = volume
    one, other = volume_of(root.volume), volume_of(root.volume)
    assert one is not other
    assert one.geometry == other.geometry


@pytest.mark.parametrize(("ino", "errno"), [(0, Errno.EIO), (1 << 30, Errno.EIO)])
def test_a_number_that_no_file_has_is_refused(volume, ino: int, errno: int):
    kernel, _, root = volume
    count = INODES.in_use
    with pytest.raises(SysError) as error:
        kernel.run_one(inode_of(root.volume, ino))
    assert error.value.errno == errno
    assert INODES.in_use == count
