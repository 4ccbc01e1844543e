"""Path: from a name to an inode, one component at a time.

    resolve(b"/bin/../etc/motd") -> Inode, with a reference

Spec: POSIX.1-2017, 4.13 Pathname Resolution.
State: RAM (the root). Locks: none held across a step. Context: task, may sleep.
"""

from collections.abc import Callable
from typing import Annotated, Final

from hw.spec.layout import Layout, atomic, layout, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import NAME_MAX, PATH_MAX, SYMLOOP_MAX
from mpkernel.arch import memory
from mpkernel.fs import names
from mpkernel.fs.file_system import Entry, file_system_of
from mpkernel.fs.inode import Inode, get_inode, put_inode, set_parent
from mpkernel.seam import Seam


@layout()
class Root(Layout):
    """Where absolute paths begin."""

    inode: Annotated[u64, atomic]  #: with a reference; 0 before the first mount


ROOT: Final = memory.static(Root)

#: Gives the inode of the current process's working directory, 0 for the root (proc).
WORKING_DIRECTORY: Final = Seam[Callable[[], int]]("working_directory")


def root() -> Inode:
    """The root directory, with a reference for the caller."""
    assert ROOT.inode, "no root is mounted"
    return get_inode(Inode.at(ROOT.inode))


def working_directory() -> Inode:
    """The working directory of the current process, with a reference for the caller."""
    addr = WORKING_DIRECTORY.get()() if 0 in WORKING_DIRECTORY else 0
    return get_inode(Inode.at(addr)) if addr else root()


async def look_up(directory: Inode, name: bytes) -> Inode:
    """The file ``name`` in a directory, with a reference; no link is followed.

    Raises:
        SysError: ENOTDIR, ENOENT, ENAMETOOLONG, EIO.
    """
    if not directory.is_directory:
        raise SysError(Errno.ENOTDIR)
    if name == b".":
        return get_inode(directory)
    if name == b"..":
        return get_inode(Inode.at(directory.parent or directory.phys))
    if len(name) > NAME_MAX:
        raise SysError(Errno.ENAMETOOLONG)
    inode = names.look_up(directory, name)
    if inode is None:
        inode = await file_system_of(directory).lookup(directory, name)
        if inode.is_directory:
            set_parent(inode, directory)
    return inode


async def resolve(path: bytes, *, follow: bool = True, base: Inode | None = None) -> Inode:
    """The file that ``path`` names, with a reference for the caller.

    ``base``: where a relative path begins, else the working directory. ``follow``: whether a link
    that the whole path names is followed.

    Raises:
        SysError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EIO.
    """
    if not path:
        raise SysError(Errno.ENOENT)
    components = _components(path)
    if path.endswith(b"/"):
        components.insert(0, b".")  # only a directory fits, and a link to one is followed
    return await _walk(_start(path, base), components, follow=follow)


async def resolve_parent(path: bytes, *, base: Inode | None = None) -> tuple[Inode, bytes]:
    """The directory of the last component, with a reference, and that component.

    Raises:
        SysError: as ``resolve``; EEXIST for the root, which has no name.
    """
    if not path:
        raise SysError(Errno.ENOENT)
    components = _components(path)
    if not components:
        raise SysError(Errno.EEXIST)
    name = components.pop(0)
    directory = await _walk(_start(path, base), components, follow=True)
    if not directory.is_directory:
        put_inode(directory)
        raise SysError(Errno.ENOTDIR)
    return directory, name


async def read_link(inode: Inode) -> bytes:
    """Where a symbolic link points to.

    Raises:
        SysError: EINVAL, it is no link; EIO.
    """
    if not inode.is_symlink:
        raise SysError(Errno.EINVAL)
    return await file_system_of(inode).read_link(inode)


async def list_directory(directory: Inode) -> list[Entry]:
    """All entries of a directory by ascending cookie, . and .. first.

    Raises:
        SysError: ENOTDIR, EIO.
    """
    if not directory.is_directory:
        raise SysError(Errno.ENOTDIR)
    in_memory = names.entries(directory)
    hidden = {entry.name for entry in in_memory}
    stored = await file_system_of(directory).entries(directory)
    parent = Inode.at(directory.parent or directory.phys)
    dots = [
        Entry(1, directory.ino, directory.kind, b"."),
        Entry(2, parent.ino, directory.kind, b".."),
    ]
    return dots + [entry for entry in stored if entry.name not in hidden] + in_memory


async def path_of(directory: Inode) -> bytes:
    """Absolute path of a directory, found by going up.

    Raises:
        SysError: ENOENT, it was removed; EIO.
    """
    parts: list[bytes] = []
    here = get_inode(directory)
    try:
        while here.parent not in (0, here.phys):
            above = get_inode(Inode.at(here.parent))
            try:
                parts.append(await _name_in(above, here))
            except SysError:
                put_inode(above)
                raise
            put_inode(here)
            here = above
    finally:
        put_inode(here)
    return b"/" + b"/".join(reversed(parts))


async def _name_in(directory: Inode, inode: Inode) -> bytes:
    for entry in (await list_directory(directory))[2:]:
        if entry.ino == inode.ino:
            found = await look_up(directory, entry.name)
            put_inode(found)
            if found.file_system == inode.file_system:
                return entry.name
    raise SysError(Errno.ENOENT)


def _components(path: bytes) -> list[bytes]:
    """The components, last first."""
    if len(path) >= PATH_MAX:
        raise SysError(Errno.ENAMETOOLONG)
    return [part for part in reversed(path.split(b"/")) if part]


def _start(path: bytes, base: Inode | None) -> Inode:
    if path.startswith(b"/"):
        return root()
    return get_inode(base) if base is not None else working_directory()


async def _walk(here: Inode, pending: list[bytes], *, follow: bool) -> Inode:
    """Go the components, last first, from ``here``, whose reference is taken over."""
    links = 0
    try:
        while pending:
            found = await look_up(here, pending.pop())
            if not (found.is_symlink and (pending or follow)):
                put_inode(here)
                here = found
                continue
            links += 1
            try:
                target = await _link_target(found, links)
            finally:
                put_inode(found)
            if target.endswith(b"/"):
                pending.append(b".")
            pending.extend(_components(target))
            if target.startswith(b"/"):
                put_inode(here)
                here = root()
    except SysError:
        put_inode(here)
        raise
    return here


async def _link_target(link: Inode, links: int) -> bytes:
    if links > SYMLOOP_MAX:
        raise SysError(Errno.ELOOP)
    target = await read_link(link)
    if not target:
        raise SysError(Errno.ENOENT)
    return target
