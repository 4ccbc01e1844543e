"""What a kind of file system can do: the seam between files and ext2, tmpfs, devfs and procfs.

Names in memory (fs/names.py) come first: every directory may have some, whatever its file system.
So a mount is a name laid over a directory, and tmpfs is nothing but names.

State: none here. Context: task, may sleep.
"""

from typing import Final, NamedTuple, Protocol

from mpkernel.fs.inode import Inode
from mpkernel.seam import Seam

FS_EXT2: Final = 1
FS_TMPFS: Final = 2
FS_DEVFS: Final = 3
FS_PROCFS: Final = 4
FS_PIPE: Final = 5


class Entry(NamedTuple):
    """A name, as a directory lists it."""

    cookie: int  #: ascending in a directory; where a reader goes on. 1 and 2 are . and ..
    ino: int
    kind: int  #: S_IF*, 0 if unknown
    name: bytes


class FileSystem(Protocol):
    """Code of one kind of file system."""

    name: str  #: as /proc/mounts shows it
    magic: int  #: f_type of statfs
    is_writable: bool

    async def lookup(self, directory: Inode, name: bytes) -> Inode:
        """The file with that name, with a reference for the caller; SysError(ENOENT)."""

    async def entries(self, directory: Inode) -> list[Entry]:
        """What the directory holds beside its names in memory, without . and .., in order."""

    async def read_link(self, inode: Inode) -> bytes:
        """Target of a symbolic link."""

    async def prepare(self, inode: Inode) -> None:
        """A regular file is about to be opened: make its content, if it is made on demand."""


FILE_SYSTEMS: Final = Seam[FileSystem]("file_systems")


def file_system_of(inode: Inode) -> FileSystem:
    """The code for an inode."""
    return FILE_SYSTEMS[inode.file_system]
