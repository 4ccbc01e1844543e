"""tmpfs and devfs: names and pages that live in memory only.

All names stand in fs/names.py, all bytes in page caches filled with zeros: little is left to do.

State: RAM (inodes). Locks: those of inodes. Context: task, may sleep.
"""

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import S_IFDIR
from mpkernel.arch import memory
from mpkernel.fs.file_system import FS_DEVFS, FS_TMPFS, Entry
from mpkernel.fs.inode import Inode, get_inode, new_inode, put_inode
from mpkernel.mm import page_cache


class MemoryFileSystem:
    """Code of tmpfs, and of devfs, which differs in name only."""

    is_writable = True
    magic = 0x0102_1994  #: TMPFS_MAGIC

    def __init__(self, name: str) -> None:
        self.name = name

    async def lookup(self, directory: Inode, name: bytes) -> Inode:
        """Nothing beside the names in memory."""
        raise SysError(Errno.ENOENT)

    async def entries(self, directory: Inode) -> list[Entry]:
        """Nothing beside the names in memory."""
        return []

    async def read_link(self, inode: Inode) -> bytes:
        """The target, kept as the file's content."""
        return await page_cache.read(inode.cache, 0, inode.cache.size_bytes)

    async def prepare(self, inode: Inode) -> None:
        """The content is there."""


def new_root(file_system: int = FS_TMPFS, *, mode: int = 0o1777) -> Inode:
    """An empty tmpfs or devfs: its root directory, with a reference for the caller.

    Raises:
        SysError: ENOMEM.
    """
    assert file_system in (FS_TMPFS, FS_DEVFS)
    root = new_inode(file_system, S_IFDIR | mode)
    root.volume = root.phys
    root.links = 2
    return root


class MemorySource:
    """Pages of files in memory begin as zeros (SOURCE_NONE)."""

    async def read_page(self, owner: int, index: int, frame: int) -> None:
        """Zeros."""
        memory.zero(frame, PAGE_SIZE)

    def hold(self, owner: int) -> None:
        """A mapping holds the inode."""
        get_inode(Inode.at(owner))

    def drop(self, owner: int) -> None:
        """The mapping is gone."""
        put_inode(Inode.at(owner))
