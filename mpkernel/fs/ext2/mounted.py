"""ext2 under the kernel: a mounted volume, its inodes in memory, its names.

Every CPU process makes its Volume anew from the superblock's numbers in RAM, which never change
while it is mounted (read-only). Inodes stay in memory until the volume goes: their pages are the
cache of all programs, and names may be laid over its directories.

State: RAM (Ext2Mount, the inode table). Locks: InodeTable.lock, spinning. Context: task, sleeps.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, fixed, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import NANOSECONDS
from mpkernel.arch import memory
from mpkernel.collections.list import ListNode
from mpkernel.fs.ext2 import directory as disk_directory
from mpkernel.fs.ext2 import symlink
from mpkernel.fs.ext2.geometry import Geometry
from mpkernel.fs.ext2.layout import FILE_TYPES, ROOT_INO
from mpkernel.fs.ext2.layout import Inode as DiskInode
from mpkernel.fs.ext2.volume import Volume, open_volume
from mpkernel.fs.file_system import FS_EXT2, Entry
from mpkernel.fs.inode import Inode, get_inode, new_inode, put_inode
from mpkernel.mm import page_cache, slab
from mpkernel.mm.page_source import SOURCE_EXT2
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

BUCKETS: Final = 256
#: Cookies 1 and 2 are . and ..; entry at byte n of a directory has this plus n.
FIRST_COOKIE: Final = 3


@layout()
class Ext2Mount(Layout):
    """A mounted volume: the numbers of its superblock."""

    block_inode: Annotated[u64, fixed]  #: Inode of the device, with a reference
    device_bytes: Annotated[u64, fixed]
    block_size: Annotated[u32, fixed]
    blocks: Annotated[u32, fixed]
    first_data_block: Annotated[u32, fixed]
    inodes: Annotated[u32, fixed]
    inodes_per_group: Annotated[u32, fixed]
    inode_bytes: Annotated[u32, fixed]
    groups: Annotated[u32, fixed]
    has_file_types: Annotated[u32, fixed]
    has_large_files: Annotated[u32, fixed]
    free_blocks: Annotated[u32, fixed]
    free_inodes: Annotated[u32, fixed]


@layout()
class InodeTable(Layout):
    """Inodes of all volumes, by volume and number."""

    lock: Spinlock
    buckets: Annotated[Any, ListNode * BUCKETS]  #: guarded by lock


MOUNTS: Final = slab.cache("ext2_mount", Ext2Mount)
TABLE: Final = memory.static(InodeTable)

_COPIED: Final = (
    "block_size", "blocks", "first_data_block", "inodes", "inodes_per_group", "inode_bytes",
    "groups", "has_file_types", "has_large_files", "free_blocks", "free_inodes",
)  # fmt: skip


class DeviceReader:
    """Bytes of a block device through its page cache."""

    __slots__ = ("_cache", "size_bytes")

    def __init__(self, block_inode: Inode) -> None:
        self._cache = block_inode.cache
        self.size_bytes: int = block_inode.cache.size_bytes

    async def read(self, offset: int, size: int) -> bytes:
        """Bytes of the device."""
        return await page_cache.read(self._cache, offset, size)


def init() -> None:
    """Make the inode table empty. Once, before the first mount."""
    TABLE.lock.init(ranks.INODE_TABLE)
    for bucket in TABLE.buckets:
        bucket.init()


async def mount(block_inode: Inode) -> Inode:
    """The root directory of the volume on a device, with a reference for the caller.

    Raises:
        VolumeError: the device holds no volume that can be mounted.
        SysError: EIO, ENOMEM.
    """
    volume = await open_volume(DeviceReader(block_inode))
    state = Ext2Mount.at(MOUNTS.alloc())
    state.block_inode = get_inode(block_inode).phys
    for name in _COPIED:
        setattr(state, name, int(getattr(volume.geometry, name)))
    try:
        root = await inode_of(state.phys, ROOT_INO)
    except SysError:
        put_inode(block_inode)
        MOUNTS.free(state.phys)
        raise
    root.parent = root.phys
    return root


def volume_of(mount_addr: int) -> Volume:
    """The volume of an Ext2Mount, to read from."""
    state = Ext2Mount.at(mount_addr)
    geometry = Geometry(**{name: getattr(state, name) for name in _COPIED})
    return Volume(DeviceReader(Inode.at(state.block_inode)), geometry)


def disk_inode_of(inode: Inode) -> DiskInode:
    """The inode as it lies on the disk."""
    return DiskInode.at(inode.phys + Inode.offset_of("private"))


async def inode_of(mount_addr: int, ino: int) -> Inode:
    """The inode with a number, from the table or the disk, with a reference for the caller.

    Two CPUs may both read it; the later one finds the other's and drops its own.

    Raises:
        SysError: EIO, ENOMEM.
    """
    found = _find(mount_addr, ino)
    if found is not None:
        return found
    volume = volume_of(mount_addr)
    raw = await volume.inode(ino)
    if not raw.i_links_count:
        raise SysError(Errno.EIO)  # a name for a file that was deleted
    new = new_inode(FS_EXT2, raw.i_mode, ino=ino, volume=mount_addr, source=SOURCE_EXT2)
    _fill(new, raw, volume.size_of(raw))
    with TABLE.lock:
        other = _find_locked(mount_addr, ino)
        if other is None:
            _bucket(mount_addr, ino).append(new.table_node)
            return get_inode(new)  # the table keeps the first reference
    put_inode(new)
    return other


def _fill(inode: Inode, raw: DiskInode, size: int) -> None:
    ctypes.memmove(inode.private, bytes(raw), DiskInode.SIZE)
    inode.cache.size_bytes = size
    inode.links = raw.i_links_count
    inode.uid = raw.i_uid | raw.i_uid_high << 16
    inode.gid = raw.i_gid | raw.i_gid_high << 16
    inode.atime_ns = raw.i_atime * NANOSECONDS
    inode.mtime_ns = raw.i_mtime * NANOSECONDS
    inode.ctime_ns = raw.i_ctime * NANOSECONDS


def _bucket(mount_addr: int, ino: int) -> ListNode:
    bucket: ListNode = TABLE.buckets[(ino ^ (mount_addr >> 6)) % BUCKETS]
    return bucket


def _find(mount_addr: int, ino: int) -> Inode | None:
    with TABLE.lock:
        return _find_locked(mount_addr, ino)


def _find_locked(mount_addr: int, ino: int) -> Inode | None:
    for inode in _bucket(mount_addr, ino).objects(Inode, "table_node"):
        if inode.ino == ino and inode.volume == mount_addr:
            return get_inode(inode)
    return None


class Ext2:
    """Code of ext2 for paths and files."""

    name = "ext2"
    magic = 0xEF53
    is_writable = False

    async def lookup(self, directory: Inode, name: bytes) -> Inode:
        """A name on the disk."""
        volume = volume_of(directory.volume)
        ino = await disk_directory.find(volume, disk_inode_of(directory), name)
        return await inode_of(directory.volume, ino)

    async def entries(self, directory: Inode) -> list[Entry]:
        """The names on the disk; an entry's cookie is its place."""
        volume = volume_of(directory.volume)
        found = []
        async for entry in disk_directory.entries(volume, disk_inode_of(directory)):
            if entry.name not in (b".", b".."):
                kind = _KINDS.get(entry.file_type, 0)
                found.append(Entry(FIRST_COOKIE + entry.offset, entry.ino, kind, entry.name))
        return found

    async def read_link(self, inode: Inode) -> bytes:
        """The target on the disk."""
        return await symlink.target_of(volume_of(inode.volume), disk_inode_of(inode))

    async def prepare(self, inode: Inode) -> None:
        """The content is on the disk."""


#: S_IF* of a DirectoryEntry's file_type.
_KINDS: Final = {file_type: mode for mode, file_type in FILE_TYPES.items()}
