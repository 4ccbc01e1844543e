"""Inodes: numbers, kinds, references up to the parents."""

from itertools import pairwise

import pytest

from mpkernel.abi.stat import S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG
from mpkernel.fs.file_system import FS_TMPFS
from mpkernel.fs.inode import INODES, Inode, get_inode, new_inode, put_inode, set_parent
from mpkernel.mm import page_cache
from tests.support.kernel_cpu import KernelCpu


@pytest.mark.parametrize(
    ("kind", "name"),
    [(S_IFREG, "is_regular"), (S_IFDIR, "is_directory"), (S_IFLNK, "is_symlink"),
     (S_IFCHR, "is_char_device")],
)  # fmt: skip
def test_a_file_is_of_one_kind(bare: KernelCpu, kind: int, name: str):
    inode = new_inode(FS_TMPFS, kind | 0o7777)
    assert inode.kind == kind
    questions = ("is_regular", "is_directory", "is_symlink", "is_char_device")
    assert [one for one in questions if getattr(inode, one)] == [name]
    put_inode(inode)


def test_numbers_are_fresh_unless_a_disk_gives_them(bare: KernelCpu):
    inodes = [new_inode(FS_TMPFS, S_IFREG) for _ in range(3)]
    assert len({inode.ino for inode in inodes}) == 3
    disks = new_inode(FS_TMPFS, S_IFREG, ino=77)
    assert disks.ino == 77
    for inode in (*inodes, disks):
        put_inode(inode)


def test_the_last_reference_frees_inode_and_pages(bare: KernelCpu):
    inodes, pages = INODES.in_use, page_cache.cached_pages()
    inode = new_inode(FS_TMPFS, S_IFREG)
    bare.run_one(page_cache.write(inode.cache, 0, b"x" * 10_000))
    assert page_cache.cached_pages() == pages + 3
    assert get_inode(inode).phys == inode.phys
    put_inode(inode)
    assert INODES.in_use == inodes + 1
    put_inode(inode)
    assert (INODES.in_use, page_cache.cached_pages()) == (inodes, pages)


def chain(depth: int) -> list[Inode]:
    """Directories, each in the one before; every one but the last is held by its child only."""
    made = [new_inode(FS_TMPFS, S_IFDIR) for _ in range(depth)]
    for outer, inner in pairwise(made):
        set_parent(inner, outer)
        put_inode(outer)
    return made


def test_a_deep_tree_goes_with_its_last_leaf(bare: KernelCpu):
    """Deeper than Python's own stack would allow for a recursion."""
    before = INODES.in_use
    leaf = chain(3000)[-1]
    assert INODES.in_use == before + 3000
    put_inode(leaf)
    assert INODES.in_use == before


def test_a_directory_that_moves_lets_go_of_its_old_parent(bare: KernelCpu):
    before = INODES.in_use
    _, inner = chain(2)
    new = new_inode(FS_TMPFS, S_IFDIR)
    set_parent(inner, new)
    assert INODES.in_use == before + 2, "the old parent had no other reference"
    set_parent(inner, new)
    assert new.references.value == 2
    put_inode(new)
    put_inode(inner)
    assert INODES.in_use == before


def test_a_root_is_its_own_parent_without_a_reference(bare: KernelCpu):
    before = INODES.in_use
    root = new_inode(FS_TMPFS, S_IFDIR)
    set_parent(root, root)
    assert (root.parent, root.references.value) == (root.phys, 1)
    put_inode(root)
    assert INODES.in_use == before
