"""Changes of directories: files made, linked, removed, renamed.

Only directories whose names all live in memory can be changed (tmpfs, devfs); others are EROFS.

Whoever changes the shape of a tree, and so needs several directories at once, first takes the one
TREE lock: then the order of their names_locks does not matter, and no parent changes under it.

State: RAM. Locks: TREE.lock, over Inode.names_lock. Context: task, may sleep (a link's target is
written to pages).
"""

from typing import Final

from hw.spec.layout import Layout, layout
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import S_IFDIR, S_IFLNK, S_IFMT
from mpkernel.arch import memory
from mpkernel.arch.power import wall_clock_ns
from mpkernel.fs import names
from mpkernel.fs.file_system import file_system_of
from mpkernel.fs.inode import Inode, get_inode, new_inode, put_inode, set_parent
from mpkernel.mm import page_cache
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock


@layout()
class TreeLock(Layout):
    """One for all file trees: moves and removals of directories are rare."""

    lock: Spinlock


TREE: Final = memory.static(TreeLock)


def init() -> None:
    """Before the first change. Once, on the first CPU."""
    TREE.lock.init(ranks.TREE)


def check_writable(inode: Inode) -> None:
    """Refuse changes to what cannot change.

    Raises:
        SysError: EROFS.
    """
    if not file_system_of(inode).is_writable:
        raise SysError(Errno.EROFS)


def touch(inode: Inode) -> None:
    """The content changed now."""
    inode.mtime_ns = inode.ctime_ns = wall_clock_ns()


def new_file(parent: Inode, mode: int) -> Inode:
    """A file without name on the parent's file system, with a reference for the caller.

    Raises:
        SysError: ENOMEM.
    """
    inode = new_inode(parent.file_system, mode, volume=parent.volume)
    inode.atime_ns = wall_clock_ns()
    touch(inode)
    if mode & S_IFMT == S_IFDIR:
        set_parent(inode, parent)
        inode.links = 2
    return inode


def create(
    directory: Inode, name: bytes, mode: int, *, device: int = 0, device_id: int = 0
) -> Inode:
    """Make a file of the kind that ``mode`` says; returns it with a reference.

    Raises:
        SysError: EEXIST, EROFS, ENAMETOOLONG, ENOENT (the directory was removed), ENOMEM.
    """
    check_writable(directory)
    if name in (b".", b".."):
        raise SysError(Errno.EEXIST)
    inode = new_file(directory, mode)
    inode.device, inode.device_id = device, device_id
    try:
        names.add(directory, name, inode)
    except SysError:
        put_inode(inode)
        raise
    if inode.is_directory:
        directory.links += 1
    touch(directory)
    return inode


async def create_symlink(directory: Inode, name: bytes, target: bytes) -> None:
    """Make a symbolic link.

    Raises:
        SysError: as ``create``.
    """
    check_writable(directory)
    inode = new_file(directory, S_IFLNK | 0o777)
    try:
        page_cache.grow(inode.cache, len(target))
        await page_cache.write(inode.cache, 0, target)
        names.add(directory, name, inode)
    finally:
        put_inode(inode)
    touch(directory)


def link(directory: Inode, name: bytes, inode: Inode) -> None:
    """Give a file one more name.

    Raises:
        SysError: EPERM for directories; EXDEV, another file system; as ``create``.
    """
    check_writable(directory)
    if inode.is_directory:
        raise SysError(Errno.EPERM)
    if (inode.file_system, inode.volume) != (directory.file_system, directory.volume):
        raise SysError(Errno.EXDEV)
    names.add(directory, name, inode)
    inode.links += 1
    touch(directory)


def unlink(directory: Inode, name: bytes) -> None:
    """Remove the name of a file that is no directory.

    Raises:
        SysError: ENOENT, EISDIR, EROFS.
    """
    check_writable(directory)
    with directory.names_lock:
        entry = names.find_locked(directory, name)
        if entry is None:
            raise SysError(Errno.ENOENT)
        if Inode.at(entry.inode).is_directory:
            raise SysError(Errno.EISDIR)
        inode = names.remove_locked(entry)
    inode.links -= 1
    put_inode(inode)
    touch(directory)


def remove_directory(directory: Inode, name: bytes) -> None:
    """Remove an empty directory.

    Raises:
        SysError: ENOENT, ENOTDIR, ENOTEMPTY, EINVAL for ``.``, EBUSY for a mount, EROFS.
    """
    check_writable(directory)
    if name == b".":
        raise SysError(Errno.EINVAL)
    if name == b"..":
        raise SysError(Errno.ENOTEMPTY)
    with TREE.lock, directory.names_lock:
        entry = names.find_locked(directory, name)
        if entry is None:
            raise SysError(Errno.ENOENT)
        inode = Inode.at(entry.inode)
        _close_empty(directory, inode)
        names.remove_locked(entry)
    directory.links -= 1
    put_inode(inode)
    touch(directory)


def rename(source: Inode, old: bytes, target: Inode, new: bytes) -> None:
    """Move a name; what had the new one loses it.

    Raises:
        SysError: ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EXDEV, EINVAL (into itself), EBUSY, EROFS.
    """
    check_writable(source)
    check_writable(target)
    if {old, new} & {b".", b".."}:
        raise SysError(Errno.EBUSY)
    if (source.file_system, source.volume) != (target.file_system, target.volume):
        raise SysError(Errno.EXDEV)
    with TREE.lock, source.names_lock:
        is_other = target.phys != source.phys
        if is_other:
            target.names_lock.acquire(nested=True)
        try:
            moved, replaced = _rename_locked(source, old, target, new)
        finally:
            if is_other:
                target.names_lock.release()
        if moved.is_directory:
            set_parent(moved, target)
    put_inode(moved)
    if replaced is not None:
        put_inode(replaced)
    touch(source)
    touch(target)


def _rename_locked(
    source: Inode, old: bytes, target: Inode, new: bytes
) -> tuple[Inode, Inode | None]:
    """Move the name; the inodes moved and replaced, each with a reference to put."""
    entry = names.find_locked(source, old)
    if entry is None:
        raise SysError(Errno.ENOENT)
    inode = Inode.at(entry.inode)
    there = names.find_locked(target, new)
    if there is not None and there.inode == inode.phys:
        return get_inode(inode), None  # two names of one file: POSIX says do nothing
    if _is_above(inode, target):
        raise SysError(Errno.EINVAL)
    if there is not None and _is_above(Inode.at(there.inode), source):
        raise SysError(Errno.ENOTEMPTY)  # what moves is in it
    replaced = None
    if there is None:
        names.add_locked(target, new, inode)
    else:
        replaced = _replace_locked(target, there, inode)
    moved = names.remove_locked(entry)
    if moved.is_directory:
        source.links -= 1
        target.links += 1
    return moved, replaced


def _replace_locked(target: Inode, there: names.NameEntry, inode: Inode) -> Inode:
    """Let a name stand for another inode; the old one, whose reference goes to the caller."""
    old = Inode.at(there.inode)
    if old.is_directory:
        if not inode.is_directory:
            raise SysError(Errno.EISDIR)
        _close_empty(target, old)
        target.links -= 1
    elif inode.is_directory:
        raise SysError(Errno.ENOTDIR)
    else:
        old.links -= 1
    there.inode = get_inode(inode).phys
    return old


def _close_empty(parent: Inode, inode: Inode) -> None:
    """See that a directory is empty, and that it stays so.

    TREE.lock and the parent's lock are held, the inode's own is not.
    """
    if not inode.is_directory:
        raise SysError(Errno.ENOTDIR)
    if inode.parent != parent.phys or inode.file_system != parent.file_system:
        raise SysError(Errno.EBUSY)  # a mount
    inode.names_lock.acquire(subclass=2)  # below the two that a rename holds
    try:
        if not inode.names.is_empty():
            raise SysError(Errno.ENOTEMPTY)
        inode.links = 0
    finally:
        inode.names_lock.release()


def _is_above(inode: Inode, below: Inode) -> bool:
    """Whether ``inode`` is ``below`` or a directory above it. TREE.lock is held."""
    here = below
    while here.phys != inode.phys:
        if here.parent in (0, here.phys):
            return False
        here = Inode.at(here.parent)
    return True
