"""execve: another program takes over the process.

Everything that can fail is done in a fresh address space, while the old one still stands; then the
other threads end, and the new space, stack and registers take the place of the old.

Spec: Linux execve(2). State: RAM. Locks: Process.lock. Context: task; may sleep.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hw.spec.address import page_up
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.mman import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE
from mpkernel.abi.signal import SIG_DFL, SIG_IGN
from mpkernel.arch import thread_start
from mpkernel.fs.file import read_inode_at
from mpkernel.fs.file_system import file_system_of
from mpkernel.fs.inode import Inode, put_inode
from mpkernel.fs.memory_devices import ENTROPY
from mpkernel.fs.path import resolve
from mpkernel.mm import address_space
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.mmap import map_region
from mpkernel.mm.user_memory import copy_to_space
from mpkernel.proc import fd_table, initial_stack
from mpkernel.proc.elf_loader import (
    INTERPRETER_BASE,
    PROGRAM_BASE,
    Executable,
    map_executable,
    read_executable,
)
from mpkernel.proc.exit import end_other_threads, end_vfork
from mpkernel.proc.fd_table import FdTable
from mpkernel.proc.initial_stack import STACK_SIZE, STACK_TOP, StackPlan
from mpkernel.proc.process import COMMAND_BYTES, TREE, Process, slot
from mpkernel.sched.task import Task, current, set_name

SCRIPT_MAGIC: Final = b"#!"
SCRIPT_LINE: Final = 256
SCRIPT_DEPTH: Final = 4
#: CPUID leaf 1, EDX: FPU, TSC, CX8, CMOV, FXSR, SSE, SSE2.
CAPABILITIES: Final = 1 << 0 | 1 << 4 | 1 << 8 | 1 << 15 | 1 << 24 | 1 << 25 | 1 << 26


@dataclass(frozen=True)
class Program:
    """What execve is to run: path, arguments, environment, and the file, with a reference."""

    path: bytes
    arguments: Sequence[bytes]
    environment: Sequence[bytes]
    inode: Inode


async def open_program(path: bytes) -> Inode:
    """The file to execute, with a reference.

    Raises:
        SysError: EACCES, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EIO.
    """
    inode = await resolve(path)
    try:
        _check_executable(inode)
        await file_system_of(inode).prepare(inode)
    except SysError:
        put_inode(inode)
        raise
    return inode


def _check_executable(inode: Inode) -> None:
    if not inode.is_regular or not inode.mode & 0o111:
        raise SysError(Errno.EACCES)


async def execute(path: bytes, arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
    """Run another program in the current process; the registers are those of its start.

    Raises:
        SysError: the old program goes on.
        TaskExit: it failed too late for that, or another thread ended the process.
    """
    initial_stack.check_size(arguments, environment)
    program = await _find_program(path, arguments, environment)
    try:
        executable = await read_executable(program.inode)
        interpreter = None
        if executable.interpreter:
            interpreter = await open_program(executable.interpreter)
        try:
            await _replace(program, executable, interpreter)
        finally:
            if interpreter is not None:
                put_inode(interpreter)
    finally:
        put_inode(program.inode)


async def _find_program(
    path: bytes, arguments: Sequence[bytes], environment: Sequence[bytes]
) -> Program:
    """Follow ``#!`` lines to the file that is to be loaded.

    Raises:
        SysError: ENOEXEC, ELOOP; as open_program.
    """
    name = path
    for _ in range(SCRIPT_DEPTH + 1):
        inode = await open_program(path)
        try:
            line = await read_inode_at(inode, 0, SCRIPT_LINE)
        except SysError:
            put_inode(inode)
            raise
        if not line.startswith(SCRIPT_MAGIC):
            return Program(name, arguments, environment, inode)
        put_inode(inode)
        words = _script_words(line)
        arguments = [*words, path, *arguments[1:]]
        path = name = words[0]
    raise SysError(Errno.ELOOP)


def _script_words(line: bytes) -> list[bytes]:
    """The interpreter of a ``#!`` line, and its one argument if there is one.

    Raises:
        SysError: ENOEXEC, no interpreter, or its path is cut off.
    """
    text, end, _ = line[len(SCRIPT_MAGIC) :].partition(b"\n")
    words = text.strip(b" \t").split(None, 1)
    if not words or (not end and len(line) == SCRIPT_LINE and len(words) == 1):
        raise SysError(Errno.ENOEXEC)
    return words


async def _replace(program: Program, executable: Executable, interpreter: Inode | None) -> None:
    """Build the new address space and move in.

    Raises:
        SysError: nothing has changed.
    """
    task = current()
    process = Process.at(task.process)
    old = process.address_space
    space = address_space.create()
    try:
        start, stack_end = await _build(space, program, executable, interpreter)
        await end_other_threads(task)
    except BaseException:
        address_space.put(space)
        raise
    process.address_space = task.address_space = space.phys
    if old:
        address_space.put(AddressSpace.at(old))
    end_vfork(process)
    await _reset_process(task, process, program)
    thread_start.reset_user(start, stack_end)


async def _build(
    space: AddressSpace, program: Program, executable: Executable, interpreter: Inode | None
) -> tuple[int, int]:
    """Map the program and its stack; return where it starts and its stack pointer."""
    image = await map_executable(space, executable, PROGRAM_BASE)
    space.brk_start = space.brk = page_up(image.end)
    start, base = image.entry, 0
    if interpreter is not None:
        loaded = await map_executable(space, await read_executable(interpreter), INTERPRETER_BASE)
        start, base = loaded.entry, loaded.base
    flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
    rights = PROT_READ | PROT_WRITE
    await map_region(space, STACK_TOP - STACK_SIZE, STACK_SIZE, rights, flags, None)
    plan = StackPlan(
        path=program.path,
        arguments=program.arguments,
        environment=program.environment,
        headers=image.headers,
        header_count=executable.header_count,
        entry=image.entry,
        interpreter_base=base,
        random=await ENTROPY.get()(initial_stack.RANDOM_BYTES),
        capabilities=CAPABILITIES,
    )
    stack_end, data = initial_stack.build(plan)
    await copy_to_space(space, stack_end, data)
    return start, stack_end


async def _reset_process(task: Task, process: Process, program: Program) -> None:
    """What does not outlive the old program."""
    if process.files:
        table = FdTable.at(process.files)
        if table.references.value > 1:  # a child of vfork may have shared it
            own = fd_table.copy(table)
            process.files = own.phys
            await fd_table.put(table)
            table = own
        fd_table.close_on_exec(table)
    with TREE.lock.irqsave(), process.lock:
        if task.tid != process.pid:  # the program's first thread has the process's id
            slot(task.tid).task = 0
            task.tid = process.pid
        slot(process.pid).task = task.phys
        process.has_run_exec = 1
        for action in process.actions:
            if action.handler != SIG_IGN:
                action.handler = SIG_DFL
            action.flags = action.mask = action.restorer = 0
    task.alt_stack_base = task.alt_stack_size = task.alt_stack_flags = 0
    task.clear_tid = task.robust_list = 0
    set_name(task, program.path.rsplit(b"/", 1)[-1].decode("utf-8", "surrogateescape"))
    command = b"".join(one + b"\0" for one in program.arguments)[:COMMAND_BYTES]
    ctypes.memmove(process.command, command.ljust(COMMAND_BYTES, b"\0"), COMMAND_BYTES)
    process.command_size = len(command)
