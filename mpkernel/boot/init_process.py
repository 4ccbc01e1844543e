"""Process 1: made out of the first task, which then executes a program.

State: RAM. Locks: TREE.lock over Process.lock. Context: the first task; may sleep.
"""

from collections.abc import Sequence
from typing import Final

from mpkernel.abi.fcntl import O_RDONLY, O_RDWR, O_WRONLY
from mpkernel.arch.topology import cpu_count
from mpkernel.fs.char_device import CHAR_CONSOLE
from mpkernel.fs.open import open_device
from mpkernel.proc import exec as execution
from mpkernel.proc import fd_table
from mpkernel.proc.process import (
    TREE,
    Process,
    allocate_pid_locked,
    attach_thread_locked,
    link_locked,
    new_process,
)
from mpkernel.sched.task import Task, current

_MODES: Final = (O_RDONLY, O_WRONLY, O_WRONLY)


async def start_init(
    path: bytes,
    arguments: Sequence[bytes],
    environment: Sequence[bytes],
    *,
    devices: Sequence[int] = (CHAR_CONSOLE,) * 3,
    is_protected: bool = False,
) -> None:
    """Make the current kernel task process 1 and let it execute a program.

    On return its registers are those of the program's start: the next thing is user mode.
    ``devices``: CHAR_* for descriptors 0, 1 and 2. ``is_protected``: signals without a handler do
    not end it, as befits an init; a program that is run for itself dies as anywhere else.

    Raises:
        SysError: the program cannot be executed.
    """
    task = current()
    process = _become_first(task)
    process.is_protected = 1 if is_protected else 0
    table = fd_table.create()
    process.files = table.phys
    for device, mode in zip(devices, _MODES, strict=True):
        fd_table.install(table, open_device(device, O_RDWR if device == CHAR_CONSOLE else mode))
    await execution.execute(path, arguments, environment)


def _become_first(task: Task) -> Process:
    process = new_process(None)
    task.process = process.phys
    task.affinity = task.affinity or (1 << cpu_count()) - 1
    process.references.get()
    with TREE.lock.irqsave():
        with process.lock:
            task.tid = allocate_pid_locked(task, process)
            attach_thread_locked(process, task)
        process.pid = process.group = process.session = task.tid
        link_locked(process, None)
        TREE.init = process.phys
    return process
