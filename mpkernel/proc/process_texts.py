"""What /proc/PID shows: the texts that ps, top and debuggers read.

Spec: proc(5). State: none here. Locks: TREE.lock and Process.lock, one after the other, inside.
Context: task.
"""

from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.inode import Inode, get_inode, put_inode
from mpkernel.fs.path import path_of
from mpkernel.mm.address_space import AddressSpace
from mpkernel.proc import fd_table, process
from mpkernel.proc.fd_table import FdTable
from mpkernel.proc.process import TREE, Process, command_of, put_process, threads_locked, times_of
from mpkernel.sched.task import STATE_LETTERS, Task, name_of

_PAGE: Final = 4096
#: Clock ticks a second, as user programs see them (AT_CLKTCK).
USER_HZ: Final = 100
_NS_PER_TICK: Final = 1_000_000_000 // USER_HZ


class ProcessFiles:
    """The files of a process; holds nothing."""

    files: tuple[str, ...] = ("stat", "status", "statm", "cmdline", "comm")
    links: tuple[str, ...] = ("cwd", "root")

    def pids(self) -> list[int]:
        """All processes, ascending."""
        return process.all_pids()

    def current_pid(self) -> int:
        """The caller's process."""
        return process.current_process().pid

    def exists(self, pid: int) -> bool:
        """Whether there is such a process."""
        found = process.by_pid(pid)
        if found is None:
            return False
        put_process(found)
        return True

    async def text(self, pid: int, name: str) -> bytes:
        """Content of a file.

        Raises:
            SysError: ESRCH, the process is gone.
        """
        found = _found(pid)
        try:
            return _TEXTS[name](found)
        finally:
            put_process(found)

    async def link(self, pid: int, name: str) -> bytes:
        """Target of a link.

        Raises:
            SysError: ESRCH, the process is gone.
        """
        found = _found(pid)
        try:
            if name == "root" or not found.cwd:
                return b"/"
            inode = get_inode(Inode.at(found.cwd))
            try:
                return await path_of(inode)
            finally:
                put_inode(inode)
        finally:
            put_process(found)

    def descriptors(self, pid: int) -> list[int]:
        """Its open descriptors; empty if the process is gone."""
        found = process.by_pid(pid)
        if found is None:
            return []
        try:
            return fd_table.open_fds(FdTable.at(found.files)) if found.files else []
        finally:
            put_process(found)

    async def descriptor(self, pid: int, fd: int) -> bytes:
        """What a descriptor stands for.

        Raises:
            SysError: ENOENT, it is closed.
        """
        if fd not in self.descriptors(pid):
            raise SysError(Errno.ENOENT)
        return f"fd:[{fd}]".encode()


def _found(pid: int) -> Process:
    found = process.by_pid(pid)
    if found is None:
        raise SysError(Errno.ESRCH)
    return found


def _first_thread(of: Process) -> Task | None:
    with of.lock.irqsave():
        return next(threads_locked(of), None)


def _state_letter(of: Process, task: Task | None) -> str:
    if task is None or of.exit_status or of.state:
        return "Z" if task is None else STATE_LETTERS[task.state]
    return "T" if of.is_stopped else STATE_LETTERS[task.state]


def _memory_bytes(of: Process) -> tuple[int, int]:
    """Size of the address space and of what is resident."""
    if not of.address_space:
        return 0, 0
    space = AddressSpace.at(of.address_space)
    resident = space.rss_pages * _PAGE
    return resident, resident


def _stat(of: Process) -> bytes:
    """One line of 52 fields; field 3 is the state, 14 and 15 the times, 39 the CPU."""
    task = _first_thread(of)
    with TREE.lock.irqsave():
        parent = Process.at(of.parent).pid if of.parent else 0
        group, session = of.group, of.session
    user_ns, system_ns = times_of(of)
    size, resident = _memory_bytes(of)
    fields = [0] * 53
    fields[4], fields[5], fields[6] = parent, group, session
    fields[14], fields[15] = user_ns // _NS_PER_TICK, system_ns // _NS_PER_TICK
    fields[16] = of.children_user_ns // _NS_PER_TICK
    fields[17] = of.children_system_ns // _NS_PER_TICK
    fields[18], fields[20] = 20, of.thread_count
    fields[22] = of.started_ns // _NS_PER_TICK
    fields[23], fields[24] = size, resident // _PAGE
    fields[38] = 17
    fields[39] = task.cpu if task is not None else 0
    name = name_of(task) if task is not None else command_of(of).split(b"\0")[0].decode()
    head = f"{of.pid} ({name}) {_state_letter(of, task)}"
    return f"{head} {' '.join(map(str, fields[4:]))}\n".encode()


def _status(of: Process) -> bytes:
    task = _first_thread(of)
    with TREE.lock.irqsave():
        parent = Process.at(of.parent).pid if of.parent else 0
    size, resident = _memory_bytes(of)
    rows = {
        "Name": name_of(task) if task is not None else "",
        "State": _state_letter(of, task),
        "Tgid": of.pid,
        "Pid": of.pid,
        "PPid": parent,
        "VmSize": f"{size // 1024} kB",
        "VmRSS": f"{resident // 1024} kB",
        "Threads": of.thread_count,
        "Cpus_allowed": f"{task.affinity:x}" if task is not None else "0",
    }
    return "".join(f"{key}:\t{value}\n" for key, value in rows.items()).encode()


def _statm(of: Process) -> bytes:
    size, resident = _memory_bytes(of)
    return f"{size // _PAGE} {resident // _PAGE} 0 0 0 0 0\n".encode()


def _comm(of: Process) -> bytes:
    task = _first_thread(of)
    return (name_of(task) if task is not None else "").encode() + b"\n"


_TEXTS: Final = {
    "stat": _stat,
    "status": _status,
    "statm": _statm,
    "cmdline": command_of,
    "comm": _comm,
}
