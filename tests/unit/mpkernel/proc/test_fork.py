"""clone: what is shared and what is copied, ids, registers, and what makes no sense."""

import ctypes

import pytest

from hw.cpu.state import CpuState
from mpkernel.abi.errno import SysError
from mpkernel.abi.signal import Signal
from mpkernel.arch import context
from mpkernel.fs.file import new_pipe_files
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.user_memory import copy_from_space, copy_from_user, copy_to_user
from mpkernel.proc import fd_table, fork, process
from mpkernel.proc.fd_table import FdTable
from mpkernel.proc.fork import (
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_FILES,
    CLONE_FS,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_SETTLS,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
    CloneRequest,
    clone,
)
from mpkernel.proc.process import Process
from mpkernel.sched.task import Task
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes

THREAD = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS | CLONE_FILES


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Tasks that clone starts; here they never run."""
    found: list[Task] = []
    monkeypatch.setattr(fork, "start", lambda task, _cpu: found.append(task))
    return found


def parent_with_files(processes: Processes) -> Process:
    made = processes.make()
    table = fd_table.create()
    made.files = table.phys
    for file in new_pipe_files(0):
        fd_table.install(table, file)
    return made


def test_a_process_has_its_own_memory_and_files(
    processes: Processes, core: CpuState, started: list[Task]
) -> None:
    parent = parent_with_files(processes)
    parent.umask = 0o077

    async def body() -> int:
        await copy_to_user(SCRATCH, b"before")
        core.rax, core.rsp, core.rbx = 57, 0x1234, 99
        pid = await clone(CloneRequest(Signal.SIGCHLD))
        assert (core.rax, core.rsp) == (57, 0x1234)
        await copy_to_user(SCRATCH, b"parent")
        return pid

    (pid,) = processes.run(parent, body)
    (task,) = started
    child = process.by_pid(pid)
    assert child is not None
    assert (child.parent, child.pid, task.tid) == (parent.phys, pid, pid)
    assert (child.umask, child.exit_signal) == (0o077, Signal.SIGCHLD)
    assert child.address_space != parent.address_space
    space = AddressSpace.at(child.address_space)

    async def look() -> bytes:
        return await copy_from_space(space, SCRATCH, 6)

    assert processes.kernel.run_one(look()) == b"before"
    assert child.files != parent.files
    fd_table.close(FdTable.at(parent.files), 0)
    assert fd_table.open_fds(FdTable.at(child.files)) == [0, 1]
    state = CpuState.from_buffer_copy(bytes(task.context).ljust(ctypes.sizeof(CpuState), b"\0"))
    assert (state.rax, state.rsp, state.rbx) == (0, 0x1234, 99)
    assert len(task.context) >= context.SIZE


def test_a_thread_shares_all(processes: Processes, core: CpuState, started: list[Task]) -> None:
    parent = parent_with_files(processes)
    ids = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SETTLS

    async def body() -> int:
        core.fs_base = 5
        request = CloneRequest(THREAD | ids, SCRATCH + 4096, SCRATCH, SCRATCH + 4, 0x7000)
        tid = await clone(request)
        assert core.fs_base == 5
        assert await copy_from_user(SCRATCH, 8) == tid.to_bytes(4, "little") * 2
        return tid

    (tid,) = processes.run(parent, body)
    (task,) = started
    assert (task.process, task.address_space) == (parent.phys, parent.address_space)
    assert (task.tid, task.clear_tid) == (tid, SCRATCH + 4)
    assert process.by_pid(tid) is None, "a thread's id is no process"
    assert parent.thread_count == 2
    state = CpuState.from_buffer_copy(bytes(task.context).ljust(ctypes.sizeof(CpuState), b"\0"))
    assert (state.rax, state.rsp, state.fs_base) == (0, SCRATCH + 4096, 0x7000)


@pytest.mark.parametrize(
    "flags",
    [CLONE_THREAD, CLONE_THREAD | CLONE_VM, CLONE_SIGHAND, CLONE_FS, CLONE_PARENT, 65, 1 << 40],
)
def test_what_makes_no_sense(
    processes: Processes, core: CpuState, started: list[Task], flags: int
) -> None:
    assert core is not None

    async def body() -> None:
        with pytest.raises(SysError, match="EINVAL"):
            await clone(CloneRequest(flags))

    processes.run(parent_with_files(processes), body)
    assert not started


def test_a_process_that_ends_makes_no_threads(
    processes: Processes, core: CpuState, started: list[Task]
) -> None:
    assert core is not None
    parent = parent_with_files(processes)

    async def body() -> None:
        parent.is_ending = 1
        tasks, references = process.TASKS.in_use, parent.references.value
        with pytest.raises(SysError, match="EAGAIN"):
            await clone(CloneRequest(THREAD))
        assert (process.TASKS.in_use, parent.references.value) == (tasks, references)

    processes.run(parent, body)
    assert not started
