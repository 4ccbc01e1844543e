"""Names in memory: found, listed in order, refused, removed; every name is a reference."""

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.abi.stat import S_IFREG
from mpkernel.fs import names
from mpkernel.fs.file_system import FS_TMPFS
from mpkernel.fs.inode import INODES, new_inode, put_inode
from mpkernel.fs.tmpfs import new_root
from tests.support.kernel_cpu import KernelCpu


def test_a_life_of_names(bare: KernelCpu) -> None:
    assert bare is not None
    inodes, before = INODES.in_use, names.NAMES.in_use
    root, file = new_root(), new_inode(FS_TMPFS, S_IFREG | 0o600)
    for name in (b"b", b"a", b"n" * 255):
        names.add(root, name, file)
    assert file.references.value == 4
    assert [entry.name for entry in names.entries(root)] == [b"b", b"a", b"n" * 255]
    cookies = [entry.cookie for entry in names.entries(root)]
    assert cookies == sorted(set(cookies))
    assert cookies[0] > names.FIRST_COOKIE
    found = names.look_up(root, b"a")
    assert found is not None
    assert found.ino == file.ino
    put_inode(found)
    assert names.look_up(root, b"n") is None
    for name in (b"b", b"a", b"n" * 255):
        with root.names_lock:
            entry = names.find_locked(root, name)
            assert entry is not None
            removed = names.remove_locked(entry)
        put_inode(removed)
    put_inode(file)
    put_inode(root)
    assert (INODES.in_use, names.NAMES.in_use) == (inodes, before)


def test_refused(bare: KernelCpu) -> None:
    assert bare is not None
    root, file = new_root(), new_inode(FS_TMPFS, S_IFREG | 0o600)
    names.add(root, b"a", file)
    with pytest.raises(SysError, match="EEXIST"):
        names.add(root, b"a", file)
    with pytest.raises(SysError, match="ENAMETOOLONG"):
        names.add(root, b"n" * 256, file)
    root.links = 0  # as rmdir leaves it
    with pytest.raises(SysError, match="ENOENT"):
        names.add(root, b"b", file)
    assert file.references.value == 2
