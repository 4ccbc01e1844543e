"""/proc: the kernel's numbers as files. A file's text is made when it is opened, and stays so.

    /proc/<file>          a SystemText a file
    /proc/<pid>/<file>    from a ProcessTexts (a seam: processes live above)
    /proc/self            link to the caller's directory

Every look-up makes a fresh inode; what it is stands in its private words.

State: RAM (inodes). Locks: those of whom is asked. Context: task, may sleep.
"""

from collections.abc import Callable
from typing import Final, Protocol

from hw.spec.layout import Layout, fixed, layout, u32
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import S_IFDIR, S_IFLNK, S_IFREG
from mpkernel.arch.power import wall_clock_ns
from mpkernel.fs.file_system import FS_PROCFS, Entry
from mpkernel.fs.inode import PRIVATE_BYTES, Inode, new_inode
from mpkernel.mm import page_cache
from mpkernel.seam import Seam
from typing import Annotated

SYSTEM_INO: Final = 16  #: inode number of the first system file
PROCESS_INO: Final = 1 << 16  #: process p has p times this, its files follow


@layout()
class ProcNode(Layout):
    """Which file it is; in Inode.private."""

    pid: Annotated[u32, fixed]  #: 0 for system files
    name_bytes: Annotated[u32, fixed]
    # the name follows


class ProcessTexts(Protocol):
    """What processes show."""

    files: tuple[str, ...]  #: names of regular files of a process, as text() knows them
    links: tuple[str, ...]  #: names of symbolic links, as link() knows them

    def pids(self) -> list[int]:
        """All processes."""

    def current_pid(self) -> int:
        """The caller's process."""

    async def text(self, pid: int, name: str) -> bytes:
        """Content of a file; SysError(ESRCH) if the process is gone."""

    async def link(self, pid: int, name: str) -> bytes:
        """Target of a link; SysError(ESRCH) if the process is gone, ENOENT if it has none."""

    def children(self, pid: int, name: str) -> list[str]:
        """Links in the directory ``name`` of a process (fd)."""


#: The processes (proc).
PROCESS_TEXTS: Final = Seam[ProcessTexts]("process_texts")
#: Texts of system files in the order of SYSTEM_FILES.
SYSTEM_TEXTS: Final = Seam[Callable[[], bytes]]("system_texts")
SYSTEM_FILES: Final = (
    "uptime", "meminfo", "cpuinfo", "stat", "interrupts", "mounts", "version", "loadavg",
    "filesystems", "slabinfo",
)  # fmt: skip
