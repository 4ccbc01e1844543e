"""Making processes and threads: clone, of which fork and vfork are cases.

A thread shares everything; a process gets its own of everything, the memory copied on write, but
with CLONE_VM it lives in its parent's memory, and with CLONE_VFORK the parent waits until it has
left that.

Spec: Linux clone(2). State: RAM. Locks: TREE.lock over Process.lock. Context: task; may sleep.
"""

import contextlib
import ctypes
from dataclasses import dataclass
from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import thread_start
from mpkernel.fs.inode import Inode, get_inode, put_inode
from mpkernel.mm import address_space
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.user_memory import copy_to_space
from mpkernel.proc import fd_table
from mpkernel.proc.fd_table import FdTable
from mpkernel.proc.process import (
    PROCESSES,
    TASKS,
    TREE,
    Process,
    allocate_pid_locked,
    attach_thread_locked,
    current_process,
    link_locked,
    new_process,
    new_task,
    put_process,
)
from mpkernel.proc.signal import must_end
from mpkernel.sched.balance import choose_cpu
from mpkernel.sched.task import NAME_BYTES, Task, current
from mpkernel.sched.wakeup import start

CSIGNAL: Final = 0xFF
CLONE_VM: Final = 0x100
CLONE_FS: Final = 0x200
CLONE_FILES: Final = 0x400
CLONE_SIGHAND: Final = 0x800
CLONE_VFORK: Final = 0x4000
CLONE_PARENT: Final = 0x8000
CLONE_THREAD: Final = 0x10000
CLONE_SYSVSEM: Final = 0x40000
CLONE_SETTLS: Final = 0x80000
CLONE_PARENT_SETTID: Final = 0x100000
CLONE_CHILD_CLEARTID: Final = 0x200000
CLONE_DETACHED: Final = 0x400000
CLONE_CHILD_SETTID: Final = 0x1000000

_KNOWN: Final = (
    CSIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_THREAD
    | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED
    | CLONE_CHILD_SETTID
)  # fmt: skip


@dataclass(frozen=True)
class CloneRequest:
    """What clone is asked for; addresses are the user's, 0 for none."""

    flags: int
    stack: int = 0
    parent_tid: int = 0
    child_tid: int = 0
    tls: int = 0


def _check(flags: int) -> None:
    """Refuse what makes no sense, or what this kernel does not have.

    Raises:
        SysError: EINVAL.
    """
    is_thread = flags & CLONE_THREAD
    whole = CLONE_VM | CLONE_SIGHAND
    if flags & CLONE_FS and not is_thread:
        raise SysError(Errno.EINVAL)
    if flags & ~_KNOWN or bool(is_thread) != bool(flags & CLONE_SIGHAND):
        raise SysError(Errno.EINVAL)
    if is_thread and flags & whole != whole:
        raise SysError(Errno.EINVAL)
    if flags & CSIGNAL > 64:
        raise SysError(Errno.EINVAL)


async def clone(request: CloneRequest) -> int:
    """Make a thread or a process that goes on where the caller is, with 0 as result.

    Return its id.

    Raises:
        SysError: EINVAL, EAGAIN, ENOMEM, EFAULT.
    """
    flags = request.flags
    _check(flags)
    parent = current_process()
    if flags & CLONE_THREAD:
        process = parent
        task = new_task(parent)
    else:
        process = await _copy_process(parent, flags)
        try:
            task = new_task(process)
        except SysError:
            await _drop_process(process)
            raise
    _inherit(task, current(), request)
    task.address_space = process.address_space
    try:
        _enter_tree(task, process, parent, flags)
    except SysError:
        TASKS.free(task.phys)
        process.references.put()
        if process.phys != parent.phys:
            await _drop_process(process)
        raise
    tid: int = task.tid
    await _write_ids(task, request)
    _copy_registers(task, request)
    if flags & CLONE_VFORK:
        process.references.get()
    start(task, choose_cpu(task.affinity))
    if flags & CLONE_VFORK:
        me = current()
        await parent.stop_wait.wait_until(
            lambda: not process.is_vforked or must_end(me), interruptible=False
        )
        put_process(process)
    return tid


async def _copy_process(parent: Process, flags: int) -> Process:
    """A process with its own or its parent's memory and files, in no tree.

    Raises:
        SysError: ENOMEM.
    """
    process = new_process(parent)
    try:
        space = AddressSpace.at(parent.address_space)
        if flags & CLONE_VM:
            address_space.get(space)
        else:
            space = await address_space.fork_space(space)
        process.address_space = space.phys
        files = FdTable.at(parent.files)
        copy = fd_table.share(files) if flags & CLONE_FILES else fd_table.copy(files)
        process.files = copy.phys
    except SysError:
        await _drop_process(process)
        raise
    if parent.cwd:
        process.cwd = get_inode(Inode.at(parent.cwd)).phys
    process.exit_signal = flags & CSIGNAL
    process.is_vforked = 1 if flags & CLONE_VFORK else 0
    return process


async def _drop_process(process: Process) -> None:
    """Give back a process that never ran."""
    if process.files:
        await fd_table.put(FdTable.at(process.files))
    if process.address_space:
        address_space.put(AddressSpace.at(process.address_space))
    if process.cwd:
        put_inode(Inode.at(process.cwd))
    PROCESSES.free(process.phys)


def _inherit(task: Task, parent: Task, request: CloneRequest) -> None:
    """What a new thread has of the one that makes it."""
    task.affinity = parent.affinity
    task.signal_mask = parent.signal_mask
    ctypes.memmove(task.name, parent.name, NAME_BYTES)
    if not request.flags & CLONE_VM or request.flags & CLONE_VFORK:
        task.alt_stack_base = parent.alt_stack_base
        task.alt_stack_size = parent.alt_stack_size
        task.alt_stack_flags = parent.alt_stack_flags
    if request.flags & CLONE_CHILD_CLEARTID:
        task.clear_tid = request.child_tid


def _enter_tree(task: Task, process: Process, parent: Process, flags: int) -> None:
    """Give the task its id and let others see it.

    Raises:
        SysError: EAGAIN, no id is free, or the process ends.
    """
    with TREE.lock.irqsave():
        with process.lock:
            if process.is_ending or process.exec_task:
                raise SysError(Errno.EAGAIN)
            is_thread = flags & CLONE_THREAD
            task.tid = allocate_pid_locked(task, None if is_thread else process)
            attach_thread_locked(process, task)
        if not is_thread:
            process.pid = task.tid
            link_locked(process, parent)


async def _write_ids(task: Task, request: CloneRequest) -> None:
    """Store the new id where the caller wants it, in its own memory and the child's.

    As on Linux, an address that cannot be written is no failure of clone.
    """
    data = task.tid.to_bytes(4, "little")
    for flag, address, space in (
        (CLONE_PARENT_SETTID, request.parent_tid, current().address_space),
        (CLONE_CHILD_SETTID, request.child_tid, task.address_space),
    ):
        if request.flags & flag:
            with contextlib.suppress(SysError):
                await copy_to_space(AddressSpace.at(space), address, data)


def _copy_registers(task: Task, request: CloneRequest) -> None:
    """The child's registers: the caller's, but for the result, the stack and the thread pointer."""
    thread_start.save_child(
        ctypes.addressof(task.context),
        stack=request.stack,
        thread_pointer=request.tls if request.flags & CLONE_SETTLS else None,
    )
