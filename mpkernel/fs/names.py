"""Names in a directory that live in memory: all of tmpfs, and what is laid over other directories.

State: RAM. Locks: Inode.names_lock (spinning), two of them by ascending address. Context: any task;
never sleeps. A name holds a reference to its inode.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, fixed, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import NAME_MAX
from mpkernel.collections.list import ListNode
from mpkernel.fs.file_system import Entry
from mpkernel.fs.inode import Inode, get_inode
from mpkernel.mm import slab

#: Cookies of names in memory follow those that a disk can have.
FIRST_COOKIE: Final = 1 << 40


@layout()
class NameEntry(Layout):
    """One name."""

    node: Annotated[ListNode, guarded_by("Inode.names_lock")]
    inode: Annotated[u64, guarded_by("Inode.names_lock")]
    cookie: Annotated[u64, fixed]
    length: Annotated[u32, fixed]
    text: Annotated[Any, ctypes.c_uint8 * NAME_MAX]


NAMES: Final = slab.cache("name", NameEntry)


def text_of(entry: NameEntry) -> bytes:
    """The name."""
    return bytes(entry.text[: entry.length])


def find_locked(directory: Inode, name: bytes) -> NameEntry | None:
    """The entry of ``name``, None if the directory has none in memory."""
    directory.names_lock.assert_held()
    length = len(name)
    for entry in directory.names.objects(NameEntry, "node"):
        if entry.length == length and text_of(entry) == name:
            return entry
    return None


def look_up(directory: Inode, name: bytes) -> Inode | None:
    """The inode of ``name``, with a reference for the caller; None if the name is not in memory."""
    if directory.names.is_empty():
        return None
    with directory.names_lock:
        entry = find_locked(directory, name)
        return get_inode(Inode.at(entry.inode)) if entry else None


def add_locked(directory: Inode, name: bytes, inode: Inode) -> None:
    """Give ``inode`` a name that the directory does not have. Takes a reference.

    Raises:
        SysError: ENAMETOOLONG; ENOENT, the directory was removed; ENOMEM.
    """
    if len(name) > NAME_MAX:
        raise SysError(Errno.ENAMETOOLONG)
    if not directory.links:
        raise SysError(Errno.ENOENT)
    entry = NameEntry.at(NAMES.alloc())
    entry.inode = get_inode(inode).phys
    entry.cookie = FIRST_COOKIE + directory.next_cookie
    directory.next_cookie += 1
    entry.length = len(name)
    ctypes.memmove(entry.text, name, len(name))
    directory.names.append(entry.node)


def add(directory: Inode, name: bytes, inode: Inode) -> None:
    """As ``add_locked``.

    Raises:
        SysError: EEXIST, and as ``add_locked``.
    """
    with directory.names_lock:
        if find_locked(directory, name):
            raise SysError(Errno.EEXIST)
        add_locked(directory, name, inode)


def remove_locked(entry: NameEntry) -> Inode:
    """Remove a name. Its reference goes to the caller, who puts it after unlocking."""
    inode = Inode.at(entry.inode)
    entry.node.remove()
    NAMES.free(entry.phys)
    return inode


def entries(directory: Inode) -> list[Entry]:
    """All names in memory."""
    with directory.names_lock:
        return [
            Entry(entry.cookie, (inode := Inode.at(entry.inode)).ino, inode.kind, text_of(entry))
            for entry in directory.names.objects(NameEntry, "node")
        ]
