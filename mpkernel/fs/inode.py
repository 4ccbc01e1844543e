"""Inode: a file of any kind, whatever file system it is of.

    directory entry --reference--> Inode --parent--> Inode of its directory
    open file ------reference----> Inode --cache---> pages

An inode lives while somebody holds a reference: a name in a directory in memory, an open file, a
mapping, a working directory, a child (its parent). Inodes of a disk are also held by the inode
table, as long as the volume is mounted.

State: RAM. Locks: Mutex lock, the size against writers; names_lock, the names. Context: task; put
never sleeps.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, u32, u64
from mpkernel.abi.stat import S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.collections.list import ListNode
from mpkernel.mm import page_cache, slab
from mpkernel.mm.page_cache import PageCache
from mpkernel.mm.page_source import SOURCE_NONE
from mpkernel.sched.mutex import Mutex
from mpkernel.sync import ranks
from mpkernel.sync.refcount import Refcount
from mpkernel.sync.spinlock import Spinlock

#: Bytes of an inode that its file system uses as it likes.
PRIVATE_BYTES: Final = 128


@layout()
class Inode(Layout):
    """A file, directory, link or device."""

    cache: PageCache  #: its pages; cache.size_bytes is the file's size
    lock: Mutex
    references: Refcount
    # fixed after creation
    file_system: Annotated[u32, fixed]  #: FS_*
    volume: Annotated[u64, fixed]  #: the file system's own object, 0 if it has none
    ino: Annotated[u64, fixed]
    device: Annotated[u64, fixed]  #: dev_t of a device file
    device_id: Annotated[u32, fixed]  #: CHAR_* of a character device, index of a block device
    # single words
    mode: Annotated[u32, atomic]  #: kind and permissions, as st_mode
    links: Annotated[u32, atomic]
    uid: Annotated[u32, atomic]
    gid: Annotated[u32, atomic]
    atime_ns: Annotated[u64, atomic]  #: since 1970
    mtime_ns: Annotated[u64, atomic]
    ctime_ns: Annotated[u64, atomic]
    parent: Annotated[u64, atomic]  #: Inode of the directory a directory is in, with a reference
    names_lock: Spinlock
    names: Annotated[ListNode, guarded_by("names_lock")]  #: NameEntry
    next_cookie: Annotated[u64, guarded_by("names_lock")]
    table_node: Annotated[ListNode, guarded_by("InodeTable.lock")]
    private: Annotated[Any, ctypes.c_uint8 * PRIVATE_BYTES]

    @property
    def kind(self) -> int:
        """S_IF* of the file."""
        mode: int = self.mode
        return mode & S_IFMT

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.kind == S_IFDIR

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return self.kind == S_IFLNK

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file."""
        return self.kind == S_IFREG

    @property
    def is_char_device(self) -> bool:
        """Whether it is a character device."""
        return self.kind == S_IFCHR


@layout()
class InodeNumbers(Layout):
    """Numbers for inodes that no disk numbers."""

    last: AtomicU64


INODES: Final = slab.cache("inode", Inode)
_NUMBERS: Final = memory.static(InodeNumbers)


def new_inode(
    file_system: int, mode: int, *, ino: int = 0, volume: int = 0, source: int = SOURCE_NONE
) -> Inode:
    """An inode with one reference and no name; ``ino`` 0 gives it a fresh number.

    Raises:
        SysError: ENOMEM.
    """
    inode = Inode.at(INODES.alloc())
    inode.file_system = file_system
    inode.volume = volume
    inode.ino = ino or _NUMBERS.last.add(1) + 1
    inode.mode = mode
    inode.links = 1
    inode.cache.init(source, inode.phys)
    inode.lock.init(ranks.INODE)
    inode.names_lock.init(ranks.NAMES)
    inode.names.init()
    inode.next_cookie = 1
    inode.table_node.init()
    inode.references.store(1)
    return inode


def get_inode(inode: Inode) -> Inode:
    """One more reference; returns ``inode``."""
    inode.references.get()
    return inode


def put_inode(inode: Inode) -> None:
    """One reference less; the last frees the inode, its pages, and maybe its parents."""
    while inode.references.put():
        parent = inode.parent
        page_cache.clear(inode.cache)
        INODES.free(inode.phys)
        if parent in (0, inode.phys):
            return
        inode = Inode.at(parent)


def set_parent(inode: Inode, directory: Inode) -> None:
    """Say which directory the directory ``inode`` is in. It had none, or nobody changes it now."""
    old = inode.parent
    if old == directory.phys:
        return
    if inode.phys != directory.phys:
        get_inode(directory)
    inode.parent = directory.phys
    if old and old != inode.phys:
        put_inode(Inode.at(old))
