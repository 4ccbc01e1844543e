"""/proc: the kernel's numbers as files. A file's text is made when it is opened, and stays so.

    /proc/<file>          a SystemText a file
    /proc/<pid>/<file>    from a ProcessTexts (a seam: processes live above)
    /proc/self            link to the caller's directory

Every look-up makes a fresh inode; what it is stands in its private words.

State: RAM (inodes). Locks: those of whom is asked. Context: task, may sleep.
"""

from collections.abc import Callable
from typing import Annotated, Final, Protocol

from hw.spec.layout import Layout, fixed, layout, u32
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import S_IFDIR, S_IFLNK, S_IFREG
from mpkernel.arch.power import wall_clock_ns
from mpkernel.fs.file_system import FS_PROCFS, Entry
from mpkernel.fs.inode import Inode, new_inode
from mpkernel.mm import page_cache
from mpkernel.seam import Seam

# What a node is.
NODE_ROOT: Final = 0
NODE_SYSTEM: Final = 1  #: a regular file of the system
NODE_SELF: Final = 2
NODE_PROCESS: Final = 3  #: a process's directory
NODE_TEXT: Final = 4  #: a regular file of a process
NODE_LINK: Final = 5  #: a link of a process
NODE_FDS: Final = 6  #: directory of a process's descriptors
NODE_FD: Final = 7  #: link of a descriptor


@layout()
class ProcNode(Layout):
    """Which file it is; in Inode.private."""

    kind: Annotated[u32, fixed]  #: NODE_*
    pid: Annotated[u32, fixed]  #: 0 for the system's
    number: Annotated[u32, fixed]  #: of the file in its table, or descriptor


class ProcessTexts(Protocol):
    """What processes show."""

    files: tuple[str, ...]  #: names of a process's regular files
    links: tuple[str, ...]  #: names of a process's links

    def pids(self) -> list[int]:
        """All processes, ascending."""

    def current_pid(self) -> int:
        """The caller's process."""

    def exists(self, pid: int) -> bool:
        """Whether there is such a process."""

    async def text(self, pid: int, name: str) -> bytes:
        """Content of a file; SysError(ESRCH) if the process is gone."""

    async def link(self, pid: int, name: str) -> bytes:
        """Target of a link; SysError(ENOENT) if there is none (any more)."""

    def descriptors(self, pid: int) -> list[int]:
        """Its open descriptors; empty if the process is gone."""

    async def descriptor(self, pid: int, fd: int) -> bytes:
        """What a descriptor stands for; SysError(ENOENT) if it is closed."""


#: The processes (proc).
PROCESS_TEXTS: Final = Seam[ProcessTexts]("process_texts")
#: Text of the system file with that place in SYSTEM_FILES.
SYSTEM_TEXTS: Final = Seam[Callable[[], bytes]]("system_texts")
SYSTEM_FILES: Final = (
    "uptime", "meminfo", "cpuinfo", "stat", "interrupts", "mounts", "version", "loadavg",
    "filesystems", "slabinfo", "diskstats", "lockdep", "lockdep_chains", "lock_stat", "lock_waits",
)  # fmt: skip
#: Inode numbers: file n of the system, and of process p with files n, and with descriptor fd.
_SYSTEM_INO: Final = 16
_PROCESS_INO: Final = 1 << 16
_FD_INO: Final = 1 << 12


def new_root() -> Inode:
    """The root of /proc, with a reference for the caller.

    Raises:
        SysError: ENOMEM.
    """
    return _new_node(NODE_ROOT, S_IFDIR | 0o555, ino=1)


def node_of(inode: Inode) -> ProcNode:
    """What a file of /proc is."""
    return ProcNode.at(inode.phys + Inode.offset_of("private"))


class ProcFs:
    """Code of /proc."""

    name = "proc"
    magic = 0x9FA0
    is_writable = False

    async def lookup(self, directory: Inode, name: bytes) -> Inode:
        """A fresh inode for a file, a process, or something of a process."""
        node = node_of(directory)
        text = name.decode("ascii", "replace")
        if node.kind == NODE_ROOT:
            return _find_in_root(text)
        if not PROCESS_TEXTS.get().exists(node.pid):
            raise SysError(Errno.ENOENT)
        if node.kind == NODE_PROCESS:
            return _find_in_process(node.pid, text)
        if not text.isdecimal() or int(text) not in PROCESS_TEXTS.get().descriptors(node.pid):
            raise SysError(Errno.ENOENT)
        return _new_process_node(NODE_FD, S_IFLNK | 0o700, node.pid, int(text))

    async def entries(self, directory: Inode) -> list[Entry]:
        """What is there now."""
        node = node_of(directory)
        texts = PROCESS_TEXTS.get()
        if node.kind == NODE_ROOT:
            found = [
                Entry(3 + number, _SYSTEM_INO + number, S_IFREG, name.encode())
                for number, name in enumerate(SYSTEM_FILES)
                if number in SYSTEM_TEXTS
            ]
            found.append(Entry(100, _SYSTEM_INO - 1, S_IFLNK, b"self"))
            return found + [
                Entry(1000 + pid, pid * _PROCESS_INO, S_IFDIR, str(pid).encode())
                for pid in texts.pids()
            ]
        base = node.pid * _PROCESS_INO
        if node.kind == NODE_FDS:
            return [
                Entry(3 + fd, base + _FD_INO + fd, S_IFLNK, str(fd).encode())
                for fd in texts.descriptors(node.pid)
            ]
        names = [(name, S_IFREG) for name in texts.files]
        names += [(name, S_IFLNK) for name in texts.links]
        names.append(("fd", S_IFDIR))
        return [
            Entry(3 + number, base + 1 + number, kind, name.encode())
            for number, (name, kind) in enumerate(names)
        ]

    async def read_link(self, inode: Inode) -> bytes:
        """Where a link points to now."""
        node = node_of(inode)
        texts = PROCESS_TEXTS.get()
        if node.kind == NODE_SELF:
            return str(texts.current_pid()).encode()
        if node.kind == NODE_FD:
            return await texts.descriptor(node.pid, node.number)
        return await texts.link(node.pid, texts.links[node.number - len(texts.files)])

    async def prepare(self, inode: Inode) -> None:
        """Write the text into the fresh inode's pages."""
        node = node_of(inode)
        if node.kind == NODE_SYSTEM:
            text = SYSTEM_TEXTS[node.number]()
        else:
            texts = PROCESS_TEXTS.get()
            text = await texts.text(node.pid, texts.files[node.number])
        await page_cache.write(inode.cache, 0, text)


def _find_in_root(name: str) -> Inode:
    if name == "self":
        return _new_node(NODE_SELF, S_IFLNK | 0o777, ino=_SYSTEM_INO - 1)
    if name in SYSTEM_FILES and (number := SYSTEM_FILES.index(name)) in SYSTEM_TEXTS:
        return _new_node(NODE_SYSTEM, S_IFREG | 0o444, ino=_SYSTEM_INO + number, number=number)
    if name.isdecimal() and PROCESS_TEXTS.get().exists(int(name)):
        pid = int(name)
        return _new_node(NODE_PROCESS, S_IFDIR | 0o555, ino=pid * _PROCESS_INO, pid=pid)
    raise SysError(Errno.ENOENT)


def _find_in_process(pid: int, name: str) -> Inode:
    texts = PROCESS_TEXTS.get()
    if name in texts.files:
        return _new_process_node(NODE_TEXT, S_IFREG | 0o444, pid, texts.files.index(name))
    if name in texts.links:
        number = len(texts.files) + texts.links.index(name)
        return _new_process_node(NODE_LINK, S_IFLNK | 0o777, pid, number)
    if name == "fd":
        number = len(texts.files) + len(texts.links)
        return _new_process_node(NODE_FDS, S_IFDIR | 0o500, pid, number)
    raise SysError(Errno.ENOENT)


def _new_process_node(kind: int, mode: int, pid: int, number: int) -> Inode:
    ino = pid * _PROCESS_INO + (_FD_INO + number if kind == NODE_FD else 1 + number)
    return _new_node(kind, mode, ino=ino, pid=pid, number=number)


def _new_node(kind: int, mode: int, *, ino: int, pid: int = 0, number: int = 0) -> Inode:
    inode = new_inode(FS_PROCFS, mode, ino=ino)
    if inode.is_directory:
        inode.links = 2
    node = node_of(inode)
    node.kind, node.pid, node.number = kind, pid, number
    inode.atime_ns = inode.mtime_ns = inode.ctime_ns = wall_clock_ns()
    return inode
