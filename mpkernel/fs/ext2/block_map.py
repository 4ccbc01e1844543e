"""Which block holds which part of a file: direct, and over one to three blocks of block numbers.

    i_block[0..11]  the file's first twelve blocks
    i_block[12]     -> numbers            i_block[13] -> -> numbers       i_block[14] -> -> ->

Spec: The Second Extended File System, 3.4 (i_block). State: none. Context: task, may sleep.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.ext2.layout import DIRECT_BLOCKS, Inode
from mpkernel.fs.ext2.volume import Volume


async def block_of(volume: Volume, inode: Inode, index: int) -> int:
    """Number of the block that holds block ``index`` of a file; 0 for a hole.

    Raises:
        SysError: EIO, the file cannot be that long, a number is out of range, the device failed.
    """
    number, offsets = _start(volume, inode, index)
    for offset in offsets:
        if not number:
            return 0
        block = await volume.block(number)
        number = int.from_bytes(block[4 * offset : 4 * offset + 4], "little")
    if number and not volume.geometry.first_data_block < number < volume.geometry.blocks:
        raise SysError(Errno.EIO)
    return number


def _start(volume: Volume, inode: Inode, index: int) -> tuple[int, list[int]]:
    """The number in i_block where the way to ``index`` begins, and the offsets on the way."""
    if index < DIRECT_BLOCKS:
        return inode.i_block[index], []
    per_block = volume.geometry.block_size // 4
    index -= DIRECT_BLOCKS
    covered = per_block
    for depth in range(1, 4):
        if index < covered:
            offsets = [index // per_block**level % per_block for level in range(depth - 1, -1, -1)]
            return inode.i_block[DIRECT_BLOCKS + depth - 1], offsets
        index -= covered
        covered *= per_block
    raise SysError(Errno.EIO)


async def read_file(volume: Volume, inode: Inode, offset: int, size: int) -> bytes:
    """Bytes of a file, zeros in holes; fewer beyond its end. For directories and symlinks.

    Raises:
        SysError: EIO as ``block_of``.
    """
    size = max(0, min(size, volume.size_of(inode) - offset))
    block_size = volume.geometry.block_size
    parts: list[bytes] = []
    while size:
        index, start = divmod(offset, block_size)
        count = min(size, block_size - start)
        number = await block_of(volume, inode, index)
        block = await volume.block(number) if number else bytes(block_size)
        parts.append(block[start : start + count])
        offset += count
        size -= count
    return b"".join(parts)
