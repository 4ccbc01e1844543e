"""Symbolic links: the target lies in i_block itself (fast), or in the file's one block (slow).

Spec: The Second Extended File System, 4.2. State: none. Context: task, may sleep.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import PATH_MAX
from mpkernel.fs.ext2.block_map import read_file
from mpkernel.fs.ext2.layout import FAST_SYMLINK_MAX, SECTOR_SIZE, Inode
from mpkernel.fs.ext2.volume import Volume


async def target_of(volume: Volume, inode: Inode) -> bytes:
    """Where a symbolic link points to.

    Raises:
        SysError: EIO, its length is impossible or the device failed.
    """
    size = volume.size_of(inode)
    if not 0 < size < PATH_MAX:
        raise SysError(Errno.EIO)
    attribute_sectors = volume.geometry.block_size // SECTOR_SIZE if inode.i_file_acl else 0
    if size <= FAST_SYMLINK_MAX and inode.i_blocks == attribute_sectors:
        return bytes(inode)[Inode.offset_of("i_block") :][:size]
    target = await read_file(volume, inode, 0, size)
    if len(target) < size:
        raise SysError(Errno.EIO)
    return target
