"""Directories: their entries, read block by block and believed only as far as they add up.

Spec: The Second Extended File System, 4.1 (linked directory entries).
State: none. Context: task, may sleep.
"""

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.ext2.block_map import read_file
from mpkernel.fs.ext2.layout import DirectoryEntry, Inode
from mpkernel.fs.ext2.volume import Volume

HEAD_BYTES = DirectoryEntry.SIZE


class DiskName(NamedTuple):
    """A name in a directory."""

    offset: int  #: of its entry in the directory, in bytes
    ino: int
    file_type: int  #: FT_*, 0 where the volume does not say
    name: bytes


def names_in(block: bytes, base: int, *, has_file_types: bool) -> Iterator[DiskName]:
    """The used entries of one directory block, which begins at byte ``base`` of its directory.

    Raises:
        SysError: EIO, an entry leaves its block or is too small.
    """
    at = 0
    while at < len(block):
        if at + HEAD_BYTES > len(block):
            raise SysError(Errno.EIO)
        head = DirectoryEntry.from_buffer_copy(block, at)
        step, length = head.rec_len, head.name_len
        if step < HEAD_BYTES + length or step & 3 or at + step > len(block):
            raise SysError(Errno.EIO)
        if head.inode and length:
            name = block[at + HEAD_BYTES : at + HEAD_BYTES + length]
            yield DiskName(base + at, head.inode, head.file_type if has_file_types else 0, name)
        at += step


async def entries(volume: Volume, directory: Inode) -> AsyncIterator[DiskName]:
    """All entries of a directory, ``.`` and ``..`` too.

    Raises:
        SysError: EIO, the directory is damaged or the device failed.
    """
    geometry = volume.geometry
    for base in range(0, volume.size_of(directory), geometry.block_size):
        block = await read_file(volume, directory, base, geometry.block_size)
        for name in names_in(block, base, has_file_types=geometry.has_file_types):
            yield name


async def find(volume: Volume, directory: Inode, name: bytes) -> int:
    """The inode number that ``name`` has in a directory.

    Raises:
        SysError: ENOENT; EIO.
    """
    async for entry in entries(volume, directory):
        if entry.name == name:
            return entry.ino
    raise SysError(Errno.ENOENT)
