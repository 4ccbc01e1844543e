"""Mounts: a mount is a name laid over a directory (fs/names.py), and a line in a table.

    /       ext2 on a disk, or an empty tmpfs without one
    /dev    devfs       /proc   procfs       /tmp   tmpfs
    /...    files of the launcher, laid over any path (install_file)

State: RAM (MOUNTS). Locks: MountTable.lock for the table. Context: task, may sleep.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import S_IFDIR, S_IFREG
from mpkernel.arch import memory
from mpkernel.block import device as block_device
from mpkernel.fs import devfs, names, poll, procfs, tmpfs
from mpkernel.fs import directory as directories
from mpkernel.fs.block_file import new_block_inode
from mpkernel.fs.ext2 import mounted
from mpkernel.fs.file_system import FILE_SYSTEMS, FS_DEVFS, FS_TMPFS, file_system_of
from mpkernel.fs.inode import Inode, new_inode, put_inode, set_parent
from mpkernel.fs.path import ROOT, resolve
from mpkernel.mm import page_cache
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

MAX_MOUNTS: Final = 16
TEXT_BYTES: Final = 64


@layout()
class MountEntry(Layout):
    """One line of the table."""

    root: Annotated[u64, guarded_by("MountTable.lock")]  #: Inode, 0 for a free entry
    source: Annotated[Any, ctypes.c_uint8 * TEXT_BYTES]  #: NUL-padded
    path: Annotated[Any, ctypes.c_uint8 * TEXT_BYTES]


@layout()
class MountTable(Layout):
    """What is mounted where."""

    lock: Spinlock
    count: Annotated[u32, guarded_by("lock")]
    entries: Annotated[Any, MountEntry * MAX_MOUNTS]


TABLE: Final = memory.static(MountTable)


def init() -> None:
    """Before anything is mounted. Once, on the first CPU."""
    TABLE.lock.init(ranks.MOUNT)
    directories.init()
    poll.init()
    mounted.init()


async def mount_root(device_name: str) -> None:
    """Mount the ext2 volume of a block device as /; "" mounts an empty tmpfs.

    Raises:
        VolumeError: the device holds no volume that can be mounted.
        SysError: ENXIO, no such device; EIO; ENOMEM.
    """
    if device_name:
        block_inode = new_block_inode(block_index(device_name))
        try:
            root = await mounted.mount(block_inode)
        finally:
            put_inode(block_inode)
        source = f"/dev/{device_name}"
    else:
        root = tmpfs.new_root(FS_TMPFS, mode=0o755)
        root.parent = root.phys
        source = "tmpfs"
    ROOT.inode = root.phys
    _note(root, source, "/")


async def mount_all(device_name: str) -> None:
    """Mount the root and everything else that a machine has: /dev, /proc, /tmp.

    Raises:
        VolumeError, SysError: as ``mount_root``.
    """
    await mount_root(device_name)
    await lay(b"/dev", devices := tmpfs.new_root(FS_DEVFS, mode=0o755))
    devfs.populate(devices)
    _note(devices, "devfs", "/dev")
    await lay(b"/proc", processes := procfs.new_root())
    _note(processes, "proc", "/proc")
    await lay(b"/tmp", temporary := tmpfs.new_root(FS_TMPFS))
    _note(temporary, "tmpfs", "/tmp")


async def lay(path: bytes, inode: Inode) -> None:
    """Lay an inode over an absolute path, which need not exist; its directories are made.

    A name that is there already is hidden. The caller's reference stays the caller's.

    Raises:
        SysError: ENOTDIR, a file stands in the way; EINVAL; EIO; ENOMEM.
    """
    components = [part for part in path.split(b"/") if part]
    if not components or not path.startswith(b"/") or {b".", b".."} & set(components):
        raise SysError(Errno.EINVAL)
    directory = await resolve(b"/")
    try:
        for name in components[:-1]:
            try:
                below = await resolve(name, base=directory)
            except SysError as error:
                if error.errno != Errno.ENOENT:
                    raise
                below = _lay_directory(directory, name)
            put_inode(directory)
            directory = below
        if not directory.is_directory:
            raise SysError(Errno.ENOTDIR)
        _lay_name(directory, components[-1], inode)
    finally:
        put_inode(directory)


async def install_file(path: bytes, data: bytes, mode: int) -> None:
    """Lay a regular file with that content over an absolute path.

    Raises:
        SysError: as ``lay``.
    """
    inode = new_inode(FS_TMPFS, S_IFREG | mode & 0o7777)
    try:
        directories.touch(inode)
        await page_cache.write(inode.cache, 0, data)
        await lay(path, inode)
    finally:
        put_inode(inode)


def block_index(name: str) -> int:
    """Number of the block device called ``name``.

    Raises:
        SysError: ENXIO.
    """
    for index in range(block_device.count()):
        if block_device.name_of(block_device.by_index(index)) == name:
            return index
    raise SysError(Errno.ENXIO)


def mounts_text() -> bytes:
    """/proc/mounts."""
    lines = []
    with TABLE.lock:
        for entry in TABLE.entries[: TABLE.count]:
            code = file_system_of(Inode.at(entry.root))
            flags = "rw" if code.is_writable else "ro"
            source, path = (_text(field) for field in (entry.source, entry.path))
            lines.append(f"{source} {path} {code.name} {flags} 0 0\n")
    return "".join(lines).encode()


def _lay_directory(directory: Inode, name: bytes) -> Inode:
    """Make a directory in memory under any directory; returned with a reference."""
    inode = tmpfs.new_root(FS_TMPFS, mode=0o755)
    directories.touch(inode)
    _lay_name(directory, name, inode)
    return inode


def _lay_name(directory: Inode, name: bytes, inode: Inode) -> None:
    with directory.names_lock:
        old = names.find_locked(directory, name)
        hidden = names.remove_locked(old) if old else None
        names.add_locked(directory, name, inode)
    if inode.is_directory:
        set_parent(inode, directory)
    if hidden is not None:
        put_inode(hidden)


def _note(root: Inode, source: str, path: str) -> None:
    """Write a line of the table."""
    assert root.kind == S_IFDIR and root.file_system in FILE_SYSTEMS  # noqa: PT018
    with TABLE.lock:
        assert TABLE.count < MAX_MOUNTS, "more mounts than the table has lines"
        entry = TABLE.entries[TABLE.count]
        for field, text in ((entry.source, source), (entry.path, path)):
            ctypes.memmove(field, text.encode().ljust(TEXT_BYTES, b"\0"), TEXT_BYTES)
        entry.root = root.phys
        TABLE.count += 1


def _text(field: Any) -> str:
    return bytes(field).rstrip(b"\0").decode()
