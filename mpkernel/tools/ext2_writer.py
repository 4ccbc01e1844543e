"""Writes a tree of files as an ext2 image, in one pass and the same bytes for the same tree.

The volume's identity is a hash of all that is written, so equal images have equal UUIDs and
nothing depends on the clock.

Spec: mpkernel.fs.ext2.layout. State: one image being written. Context: the host.
"""

import errno
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from mpkernel.fs.ext2 import layout as ext2
from mpkernel.tools.ext2_block_map import BlockMap
from mpkernel.tools.ext2_geometry import Allocator, Geometry
from mpkernel.tools.file_tree import (
    Directory,
    ImageError,
    Node,
    Regular,
    Special,
    Symlink,
    open_content,
    walk,
)

LOST_AND_FOUND: Final = b"lost+found"
_READ_BYTES: Final = 1 << 20


class ImageWriter:
    """Writes one image to an open, empty file."""

    def __init__(self, fd: int, geometry: Geometry) -> None:
        self._fd = fd
        self._geometry = geometry
        self._allocator = Allocator(geometry)
        self._digest = hashlib.sha256(repr(geometry).encode())
        self._numbers: dict[int, int] = {}  # id of a node to its inode number
        self._parents: dict[int, Directory] = {}
        self._links: dict[int, int] = {}
        self._directories = [0] * geometry.groups
        self._has_large_file = False

    def write(self, root: Directory) -> None:
        """Write the whole image; ``root`` has a directory ``lost+found``.

        Raises:
            ImageError: it does not fit, or a file cannot be read.
        """
        nodes = self._number(root)
        for node in nodes:
            self._write_node(node)
        self._write_groups()

    def _number(self, root: Directory) -> list[Node]:
        """Give each node its inode number: root 2, then lost+found 11, then the rest."""
        lost = root.entries[LOST_AND_FOUND]
        rest = [node for node in walk(root) if node is not root and node is not lost]
        self._numbers[id(root)] = ext2.ROOT_INO
        for number, node in enumerate([lost, *rest], ext2.GOOD_OLD_FIRST_INO):
            self._numbers[id(node)] = number
        self._parents[id(root)] = root
        self._links[id(root)] = 1
        nodes = [root, lost, *rest]
        for node in nodes:
            for child in node.entries.values() if isinstance(node, Directory) else ():
                self._links[id(child)] = self._links.get(id(child), 0) + 1
                if isinstance(child, Directory):
                    self._parents[id(child)] = node  # type: ignore[assignment]
                    self._links[id(node)] += 1
        return nodes

    def _write_node(self, node: Node) -> None:
        number = self._numbers[id(node)]
        inode = ext2.Inode()
        inode.i_mode = node.mode
        inode.i_uid, inode.i_uid_high = node.uid & 0xFFFF, node.uid >> 16
        inode.i_gid, inode.i_gid_high = node.gid & 0xFFFF, node.gid >> 16
        seconds = min(max(node.mtime, -(1 << 31)), (1 << 31) - 1) & 0xFFFF_FFFF
        inode.i_atime = inode.i_ctime = inode.i_mtime = seconds
        inode.i_links_count = self._links[id(node)]
        if isinstance(node, Directory):
            inode.i_links_count += 1
            self._directories[(number - 1) // self._geometry.inodes_per_group] += 1
        if max(inode.i_links_count, self._links[id(node)]) > ext2.LINK_MAX:
            raise ImageError(f"a file has more than {ext2.LINK_MAX} links, ext2 allows no more")
        match node:
            case Directory():
                blocks = list(self._directory_blocks(node))
                self._write_blocks(inode, enumerate(blocks))
                inode.i_size = len(blocks) * self._geometry.block_size
            case Regular():
                self._write_regular(inode, node)
            case Symlink():
                self._write_symlink(inode, node)
            case Special():
                _store_device(inode, node.major, node.minor)
        self._put(self._geometry.inode_offset(number), bytes(inode))

    def _write_regular(self, inode: ext2.Inode, node: Regular) -> None:
        if node.size > BlockMap.capacity(self._geometry.block_size):
            raise ImageError(f"a file of {node.size} bytes is too large for ext2")
        self._write_blocks(inode, self._file_blocks(node))
        inode.i_size = node.size & 0xFFFF_FFFF
        inode.i_dir_acl = node.size >> 32
        self._has_large_file |= node.size >= 1 << 31

    def _write_symlink(self, inode: ext2.Inode, node: Symlink) -> None:
        if len(node.target) <= ext2.FAST_SYMLINK_MAX:
            offset = ext2.Inode.offset_of("i_block")
            memoryview(inode).cast("B")[offset : offset + len(node.target)] = node.target
        elif len(node.target) < self._geometry.block_size:
            self._write_blocks(inode, [(0, node.target)])
        else:
            raise ImageError(f"a symbolic link of {len(node.target)} bytes is too long for ext2")
        inode.i_size = len(node.target)

    def _write_blocks(self, inode: ext2.Inode, blocks: Iterable[tuple[int, bytes]]) -> None:
        """Store the numbered blocks of a file, numbers rising; those left out are holes."""
        block_map = BlockMap(inode, self._allocator, self._geometry.block_size)
        for index, block in blocks:
            self._put(block_map.take(index) * self._geometry.block_size, block)
        for block_number, table in block_map.tables.items():
            self._put(block_number * self._geometry.block_size, table.tobytes())
        inode.i_blocks = block_map.taken * (self._geometry.block_size // ext2.SECTOR_SIZE)

    def _file_blocks(self, node: Regular) -> Iterator[tuple[int, bytes]]:
        """The blocks of a regular file that are not all zeros."""
        size = self._geometry.block_size
        zero = bytes(size)
        for offset, piece in _pieces(node):
            for start in range(0, len(piece), size):
                block = piece[start : start + size]
                if not zero.startswith(block):
                    yield (offset + start) // size, block

    def _directory_blocks(self, node: Directory) -> Iterator[bytes]:
        names: list[tuple[bytes, Node]] = [(b".", node), (b"..", self._parents[id(node)])]
        names += sorted(node.entries.items())
        block = bytearray()
        last = 0  # start of the block's last entry
        for name, child in names:
            size = ext2.entry_size(len(name))
            if len(block) + size > self._geometry.block_size:
                yield self._finish_block(block, last)
                block = bytearray()
            last = len(block)
            entry = ext2.DirectoryEntry(
                inode=self._numbers[id(child)], rec_len=size, name_len=len(name),
                file_type=ext2.FILE_TYPES[child.mode & ext2.MODE_KIND_MASK],
            )  # fmt: skip
            block += (bytes(entry) + name).ljust(size, b"\0")
        yield self._finish_block(block, last)

    def _finish_block(self, block: bytearray, last: int) -> bytes:
        """Let the last entry reach to the end of the block."""
        padded = block.ljust(self._geometry.block_size, b"\0")
        ext2.DirectoryEntry.from_buffer(padded, last).rec_len = len(padded) - last
        return bytes(padded)

    def _write_groups(self) -> None:
        geometry = self._geometry
        used_inodes = ext2.GOOD_OLD_FIRST_INO - 2 + len(self._numbers)
        descriptors = bytearray(geometry.descriptor_blocks * geometry.block_size)
        free_blocks = 0
        for group in range(geometry.groups):
            start, end = geometry.group_start(group), geometry.group_end(group)
            free_from = self._allocator.free_from[group]
            used = min(max(used_inodes - group * geometry.inodes_per_group, 0),
                       geometry.inodes_per_group)  # fmt: skip
            entry = ext2.GroupDescriptor.from_buffer(descriptors, group * ext2.GroupDescriptor.SIZE)
            entry.bg_block_bitmap = geometry.bitmaps(group)
            entry.bg_inode_bitmap = geometry.bitmaps(group) + 1
            entry.bg_inode_table = geometry.bitmaps(group) + 2
            entry.bg_free_blocks_count = end - free_from
            entry.bg_free_inodes_count = geometry.inodes_per_group - used
            entry.bg_used_dirs_count = self._directories[group]
            free_blocks += end - free_from
            bits = geometry.block_size * 8
            bitmaps = _bitmap(free_from - start, end - start, bits)
            bitmaps += _bitmap(used, geometry.inodes_per_group, bits)
            self._put(geometry.bitmaps(group) * geometry.block_size, bitmaps)
        self._write_superblocks(bytes(descriptors), free_blocks, geometry.inodes - used_inodes)

    def _write_superblocks(self, descriptors: bytes, free_blocks: int, free_inodes: int) -> None:
        geometry = self._geometry
        superblock = _superblock(geometry)
        superblock.s_free_blocks_count = free_blocks
        superblock.s_free_inodes_count = free_inodes
        if self._has_large_file:
            superblock.s_feature_ro_compat |= ext2.RO_COMPAT_LARGE_FILE
        self._digest.update(descriptors)
        identity = bytearray(self._digest.digest()[:16])
        identity[6] = identity[6] & 0x0F | 0x80  # RFC 9562: version 8, a hash of one's own
        identity[8] = identity[8] & 0x3F | 0x80
        superblock.s_uuid[:] = list(identity)
        for group in range(geometry.groups):
            if not ext2.has_superblock(group, is_sparse=True):
                continue
            start = geometry.group_start(group) * geometry.block_size
            superblock.s_block_group_nr = group
            at = start if group else ext2.SUPERBLOCK_OFFSET
            self._put(at, bytes(superblock))
            self._put(start + geometry.block_size, descriptors)

    def _put(self, offset: int, data: bytes) -> None:
        self._digest.update(b"%d %d\n" % (offset, len(data)))
        self._digest.update(data)
        done = os.pwrite(self._fd, data, offset)
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], offset + done)


def _pieces(node: Regular) -> Iterator[tuple[int, bytes]]:
    """Offsets and bytes of the file; what is left out, or cut off meanwhile, is zeros."""
    if isinstance(node.content, bytes):
        yield 0, node.content
        return
    with open_content(node) as file:
        try:
            offset = _next_data(file.fileno(), 0)
            while offset < node.size:
                piece = os.pread(file.fileno(), min(node.size - offset, _READ_BYTES), offset)
                yield offset, piece
                offset = _next_data(file.fileno(), offset + _READ_BYTES)
        except OSError as error:
            raise ImageError(f"cannot read {node.content}: {error.strerror}") from None


def _next_data(fd: int, offset: int) -> int:
    """Where a file's data goes on behind a hole, on a border of the largest block."""
    try:
        return os.lseek(fd, offset, os.SEEK_DATA) & -ext2.MAX_BLOCK_SIZE
    except OSError as error:
        if error.errno == errno.ENXIO:  # only a hole is left
            return sys.maxsize
        raise


def _bitmap(used: int, valid: int, bits: int) -> bytes:
    """A bitmap whose first ``used`` of ``valid`` bits are set, and all bits behind."""
    value = ((1 << bits) - 1) ^ ((1 << valid) - 1) | ((1 << used) - 1)
    return value.to_bytes(bits // 8, "little")


def _store_device(inode: ext2.Inode, major: int, minor: int) -> None:
    """Device numbers as Linux keeps them: the old form if both fit, else the new one."""
    if major < 256 and minor < 256:
        inode.i_block[0] = major << 8 | minor
    else:
        inode.i_block[1] = (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12


def _superblock(geometry: Geometry) -> ext2.SuperBlock:
    """All but the counters and the identity."""
    return ext2.SuperBlock(
        s_inodes_count=geometry.inodes, s_blocks_count=geometry.blocks,
        s_first_data_block=geometry.first_data_block,
        s_log_block_size=geometry.block_size.bit_length() - 11,
        s_log_frag_size=geometry.block_size.bit_length() - 11,
        s_blocks_per_group=geometry.blocks_per_group, s_frags_per_group=geometry.blocks_per_group,
        s_inodes_per_group=geometry.inodes_per_group, s_max_mnt_count=0xFFFF,
        s_magic=ext2.EXT2_MAGIC, s_state=ext2.STATE_VALID, s_errors=ext2.ERRORS_CONTINUE,
        s_rev_level=ext2.DYNAMIC_REV, s_first_ino=ext2.GOOD_OLD_FIRST_INO,
        s_inode_size=ext2.GOOD_OLD_INODE_SIZE, s_feature_incompat=ext2.INCOMPAT_FILETYPE,
        s_feature_ro_compat=ext2.RO_COMPAT_SPARSE_SUPER,
    )  # fmt: skip
