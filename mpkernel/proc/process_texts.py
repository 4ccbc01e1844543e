"""What processes show in /proc.

Spec: Linux proc(5). State: none of its own. Locks: TREE.lock over Process.lock.
Context: task; may sleep.
"""

from typing import Final

from hw.spec.address import PAGE_SHIFT, PAGE_SIZE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import SIG_IGN
from mpkernel.fs.inode import Inode, get_inode, put_inode
from mpkernel.fs.path import path_of
from mpkernel.mm.address_space import AddressSpace
from mpkernel.proc import fd_table
from mpkernel.proc.fd_table import FdTable
from mpkernel.proc.process import (
    PROCESS_ZOMBIE,
    TREE,
    Process,
    all_pids,
    by_pid,
    command_of,
    current_process,
    put_process,
    threads_locked,
    times_of,
)
from mpkernel.sched.task import STATE_LETTERS, TASK_RUNNING, Task, name_of

_TICK_NS: Final = 10_000_000


def _first_task(process: Process) -> Task | None:
    """A running thread if there is one, else the first. Process.lock is held."""
    chosen = None
    for task in threads_locked(process):
        if chosen is None or task.state == TASK_RUNNING:
            chosen = task
    return chosen


class ProcessNumbers:
    """A process's numbers at one moment."""

    def __init__(self, process: Process) -> None:
        self.pid: int = process.pid
        self.user_ns, self.system_ns = times_of(process)
        with TREE.lock.irqsave(), process.lock:
            self.parent = Process.at(process.parent).pid if process.parent else 0
            self.group, self.session = process.group, process.session
            self.threads: int = process.thread_count
            task = _first_task(process)
            self.name = name_of(task) if task else command_name(process)
            self.state = "Z" if task is None else STATE_LETTERS[task.state]
            if process.state == PROCESS_ZOMBIE:
                self.state = "Z"
            elif process.is_stopped:
                self.state = "T"
            self.cpu = task.cpu if task else 0
            self.mask = task.signal_mask if task else 0
            self.affinity = task.affinity if task else 0
            self.pending = process.pending
            self.ignored = sum(
                1 << index for index, one in enumerate(process.actions) if one.handler == SIG_IGN
            )
            self.caught = sum(
                1 << index for index, one in enumerate(process.actions) if one.handler > SIG_IGN
            )
            space = process.address_space
            self.children_ns = process.children_user_ns, process.children_system_ns
            self.started_ns = process.started_ns
            self.rss_pages = AddressSpace.at(space).rss_pages if space else 0


def command_name(process: Process) -> str:
    """The program's name, from its first argument."""
    first = command_of(process).split(b"\0", 1)[0].rsplit(b"/", 1)[-1]
    return first[:15].decode("utf-8", "replace")


def _stat(numbers: ProcessNumbers) -> str:
    """/proc/[pid]/stat: 52 fields; those that this kernel does not count are 0."""
    ticks = [
        value // _TICK_NS
        for value in (numbers.user_ns, numbers.system_ns, *numbers.children_ns)
    ]
    fields: list[object] = [
        numbers.pid, f"({numbers.name})", numbers.state, numbers.parent, numbers.group,
        numbers.session, 0, -1, 0, 0, 0, 0, 0, *ticks, 20, 0, numbers.threads, 0,
        numbers.started_ns // _TICK_NS, numbers.rss_pages << PAGE_SHIFT, numbers.rss_pages,
        (1 << 64) - 1, *[0] * 5, numbers.pending & 0x7FFFFFFF, numbers.mask & 0x7FFFFFFF,
        numbers.ignored & 0x7FFFFFFF, numbers.caught & 0x7FFFFFFF, 0, 0, 0, 17, numbers.cpu,
        *[0] * 13,
    ]  # fmt: skip
    return " ".join(map(str, fields)) + "\n"


_STATE_WORDS: Final = {
    "R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped", "Z": "zombie",
    "X": "dead", "N": "new",
}  # fmt: skip


def _status(numbers: ProcessNumbers) -> str:
    kib = numbers.rss_pages * PAGE_SIZE // 1024
    rows = (
        ("Name", numbers.name),
        ("State", f"{numbers.state} ({_STATE_WORDS[numbers.state]})"),
        ("Tgid", numbers.pid),
        ("Pid", numbers.pid),
        ("PPid", numbers.parent),
        ("Uid", "0\t0\t0\t0"),
        ("Gid", "0\t0\t0\t0"),
        ("VmRSS", f"{kib:8d} kB"),
        ("Threads", numbers.threads),
        ("ShdPnd", f"{numbers.pending:016x}"),
        ("SigBlk", f"{numbers.mask:016x}"),
        ("SigIgn", f"{numbers.ignored:016x}"),
        ("SigCgt", f"{numbers.caught:016x}"),
        ("Cpus_allowed", f"{numbers.affinity:x}"),
    )
    return "".join(f"{name}:\t{value}\n" for name, value in rows)


def _statm(numbers: ProcessNumbers) -> str:
    return f"{numbers.rss_pages} {numbers.rss_pages} 0 0 0 {numbers.rss_pages} 0\n"


_TEXTS: Final = {"stat": _stat, "status": _status, "statm": _statm}


class Processes:
    """The seam of /proc (mpkernel.fs.procfs.ProcessTexts)."""

    files: tuple[str, ...] = ("stat", "status", "statm", "cmdline", "comm")
    links: tuple[str, ...] = ("cwd",)

    def pids(self) -> list[int]:
        """All processes."""
        return all_pids()

    def current_pid(self) -> int:
        """The caller's process."""
        pid: int = current_process().pid
        return pid

    async def text(self, pid: int, name: str) -> bytes:
        """Content of a file.

        Raises:
            SysError: ESRCH, ENOENT.
        """
        process = _held(pid)
        try:
            if name == "cmdline":
                return command_of(process) if process.state != PROCESS_ZOMBIE else b""
            numbers = ProcessNumbers(process)
        finally:
            put_process(process)
        if name == "comm":
            return numbers.name.encode() + b"\n"
        if name not in _TEXTS:
            raise SysError(Errno.ENOENT)
        return _TEXTS[name](numbers).encode()

    async def link(self, pid: int, name: str) -> bytes:
        """Target of a link.

        Raises:
            SysError: ESRCH, ENOENT.
        """
        process = _held(pid)
        try:
            if name != "cwd":
                raise SysError(Errno.ENOENT)
            if not process.cwd:
                return b"/"
            directory = get_inode(Inode.at(process.cwd))
        finally:
            put_process(process)
        try:
            return await path_of(directory)
        finally:
            put_inode(directory)

    def children(self, pid: int, name: str) -> list[str]:
        """Links in a directory of a process: none are shown but the descriptors' numbers."""
        process = _held(pid)
        try:
            if name != "fd" or not process.files:
                return []
            return [str(fd) for fd in fd_table.open_fds(FdTable.at(process.files))]
        finally:
            put_process(process)


def _held(pid: int) -> Process:
    """The process, with a reference.

    Raises:
        SysError: ESRCH.
    """
    process = by_pid(pid)
    if process is None:
        raise SysError(Errno.ESRCH)
    return process


PROCESSES_SHOWN: Final = Processes()


def working_directory() -> int:
    """Inode of the current process's working directory, 0 for the root."""
    process = current_process()
    cwd: int = process.cwd
    return cwd
