"""System calls on processes and threads.

Spec: Linux man-pages, section 2. State: none of its own. Locks: those of mpkernel.proc.
Context: task; may sleep.
"""

from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import SigInfo, Signal
from mpkernel.abi.times import NS_PER_S, ResourceUsage
from mpkernel.arch import segment_bases
from mpkernel.arch.cpu import cpu
from mpkernel.arch.power import wall_clock_ns
from mpkernel.arch.topology import cpu_count
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, put_u32, put_u64, read_cstring
from mpkernel.proc import exec as execution
from mpkernel.proc import fork as forking
from mpkernel.proc import futex as futexes
from mpkernel.proc import wait as waiting
from mpkernel.proc.exit import POWER_OFF, code_status, exit_process, exit_thread
from mpkernel.proc.fork import CLONE_VFORK, CLONE_VM, CloneRequest
from mpkernel.proc.initial_stack import STRING_LIMIT
from mpkernel.proc.process import (
    PID_MAX,
    TREE,
    Process,
    current_process,
    find_locked,
    processes_locked,
    slot,
)
from mpkernel.proc.robust_list import HEAD_SIZE
from mpkernel.sched.task import NAME_BYTES, Task, current, set_name
from mpkernel.sched.timer import now_ns
from mpkernel.sched.wakeup import kick
from mpkernel.syscall.time_arguments import read_timespec

MOST_STRINGS: Final = 1 << 18
_PAGE: Final = 4096

PR_SET_NAME: Final = 15
PR_GET_NAME: Final = 16

FUTEX_WAIT: Final = 0
FUTEX_WAKE: Final = 1
FUTEX_REQUEUE: Final = 3
FUTEX_CMP_REQUEUE: Final = 4
FUTEX_WAIT_BITSET: Final = 9
FUTEX_WAKE_BITSET: Final = 10
FUTEX_PRIVATE: Final = 128
FUTEX_CLOCK_REALTIME: Final = 256
FUTEX_COMMAND_MASK: Final = 0x7F

P_ALL: Final = 0
P_PID: Final = 1
P_PGID: Final = 2

REBOOT_MAGIC: Final = 0xFEE1DEAD
REBOOT_MAGICS: Final = (672274793, 85072278, 369367448, 537993216)
REBOOT_POWER_OFF: Final = 0x4321FEDC
REBOOT_HALT: Final = 0xCDEF0123
REBOOT_RESTART: Final = 0x01234567
REBOOT_CAD: Final = (0x89ABCDEF, 0)


async def exit_(status: int) -> int:
    """End the calling thread."""
    await exit_thread(code_status(status))


async def exit_group(status: int) -> int:
    """End all threads of the process."""
    await exit_process(code_status(status))


async def fork() -> int:
    """Copy the process."""
    return await forking.clone(CloneRequest(Signal.SIGCHLD))


async def vfork() -> int:
    """Make a child in this memory, and wait until it has left it."""
    return await forking.clone(CloneRequest(Signal.SIGCHLD | CLONE_VM | CLONE_VFORK))


async def clone(flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    """Make a process or thread as the flags say."""
    return await forking.clone(CloneRequest(flags, stack, parent_tid, child_tid, tls))


async def _read_strings(address: int) -> list[bytes]:
    """An array of string pointers, ended by 0; an address of 0 is an empty one."""
    strings: list[bytes] = []
    total = 0
    while address:
        size = min(_PAGE - address % _PAGE, 256) & ~7 or 8
        data = await copy_from_user(address, size)
        address += size
        for at in range(0, size, 8):
            pointer = int.from_bytes(data[at : at + 8], "little")
            if not pointer:
                return strings
            try:
                strings.append(await read_cstring(pointer, STRING_LIMIT))
            except SysError as error:
                if error.errno == Errno.ENAMETOOLONG:
                    raise SysError(Errno.E2BIG) from None
                raise
            total += len(strings[-1]) + 9
            if total > STRING_LIMIT * 16:
                raise SysError(Errno.E2BIG)
    return strings


async def execve(path: int, arguments: int, environment: int) -> int:
    """Run another program."""
    name = await read_cstring(path)
    argv = await _read_strings(arguments)
    await execution.execute(name, argv or [b""], await _read_strings(environment))
    return 0


def _usage(user_ns: int, system_ns: int) -> bytes:
    usage = ResourceUsage()
    for place, value in ((usage.ru_utime, user_ns), (usage.ru_stime, system_ns)):
        place.tv_sec, rest = divmod(value, NS_PER_S)
        place.tv_usec = rest // 1000
    return bytes(usage)


async def wait4(which: int, status: int, options: int, usage: int) -> int:
    """Wait for a child."""
    known = waiting.WNOHANG | waiting.WSTOPPED | waiting.WCONTINUED | waiting.IGNORED_OPTIONS
    if options & 0xFFFFFFFF & ~known or which == -(1 << 31):
        raise SysError(Errno.EINVAL)
    news = await waiting.wait_child(which, options | waiting.WEXITED)
    if news is None:
        return 0
    if status:
        await put_u32(status, news.status)
    if usage:
        await copy_to_user(usage, _usage(news.user_ns, news.system_ns))
    return news.pid


async def waitid(kind: int, which: int, info: int, options: int, usage: int) -> int:
    """Wait for a child, with the news as a siginfo."""
    wanted = waiting.WEXITED | waiting.WSTOPPED | waiting.WCONTINUED
    known = wanted | waiting.WNOHANG | waiting.WNOWAIT | waiting.IGNORED_OPTIONS
    if not options & wanted or options & 0xFFFFFFFF & ~known:
        raise SysError(Errno.EINVAL)
    if kind not in (P_ALL, P_PID, P_PGID) or (kind == P_PID and which <= 0):
        raise SysError(Errno.EINVAL)
    if kind == P_PGID and which < 0:
        raise SysError(Errno.EINVAL)
    target = -1 if kind == P_ALL else which if kind == P_PID else -which
    news = await waiting.wait_child(target, options)
    if info:
        found = SigInfo()
        if news is not None:
            found.si_signo = Signal.SIGCHLD
            found.si_code, status = news.cause
            found.fields[0], found.fields[2] = news.pid, status
        await copy_to_user(info, bytes(found))
    if usage and news is not None:
        await copy_to_user(usage, _usage(news.user_ns, news.system_ns))
    return 0


async def getpid() -> int:
    """Id of the process."""
    return current_process().pid


async def gettid() -> int:
    """Id of the thread."""
    tid: int = current().tid
    return tid


async def getppid() -> int:
    """Id of the parent process, 0 for process 1."""
    pid: int = current_process().parent_pid
    return pid


async def getuid() -> int:
    """Everybody is root."""
    return 0


def _target_locked(pid: int) -> Process:
    """The process a call names; 0 is the caller.

    Raises:
        SysError: ESRCH.
    """
    process = find_locked(pid) if pid else current_process()
    if process is None:
        raise SysError(Errno.ESRCH)
    return process


async def getpgid(pid: int) -> int:
    """Process group of a process."""
    with TREE.lock.irqsave():
        group: int = _target_locked(pid).group
        return group


async def getpgrp() -> int:
    """Process group of the caller."""
    return await getpgid(0)


async def getsid(pid: int) -> int:
    """Session of a process."""
    with TREE.lock.irqsave():
        session: int = _target_locked(pid).session
        return session


async def setpgid(pid: int, group: int) -> int:
    """Put the caller or a child that has not run execve into a group."""
    if group < 0:
        raise SysError(Errno.EINVAL)
    me = current_process()
    with TREE.lock.irqsave():
        process = _target_locked(pid)
        is_child = process.parent == me.phys
        if process.phys != me.phys and not is_child:
            raise SysError(Errno.ESRCH)
        if is_child and process.has_run_exec:
            raise SysError(Errno.EACCES)
        if process.session != me.session or process.session == process.pid:
            raise SysError(Errno.EPERM)
        target = group or process.pid
        if target != process.pid and not any(
            one.group == target and one.session == me.session for one in processes_locked()
        ):
            raise SysError(Errno.EPERM)
        process.group = target
    return 0


async def setsid() -> int:
    """Begin a session of which the caller is the leader."""
    me = current_process()
    with TREE.lock.irqsave():
        if any(one.group == me.pid for one in processes_locked()):
            raise SysError(Errno.EPERM)
        me.session = me.group = me.pid
    return me.pid


async def set_tid_address(address: int) -> int:
    """Say which word is cleared when the thread ends."""
    task = current()
    task.clear_tid = address
    return task.tid


async def set_robust_list(head: int, size: int) -> int:
    """Say where the list of robust mutexes begins."""
    if size != HEAD_SIZE:
        raise SysError(Errno.EINVAL)
    current().robust_list = head
    return 0


async def get_robust_list(tid: int, head: int, size: int) -> int:
    """Where a thread's list of robust mutexes begins."""
    with TREE.lock.irqsave():
        addr = current().phys if not tid else slot(tid).task if 0 < tid < PID_MAX else 0
        if not addr:
            raise SysError(Errno.ESRCH)
        found: int = Task.at(addr).robust_list
    await put_u64(head, found)
    await put_u64(size, HEAD_SIZE)
    return 0


async def arch_prctl(code: int, address: int) -> int:
    """Read or set the base of FS or GS."""
    if code in (segment_bases.ARCH_GET_FS, segment_bases.ARCH_GET_GS):
        await put_u64(address, segment_bases.get(code))
    else:
        segment_bases.put(code, address)
    return 0


async def prctl(option: int, argument: int) -> int:
    """Read or set the thread's name."""
    task = current()
    if option == PR_SET_NAME:
        data = await _read_name(argument)
        set_name(task, data.decode("utf-8", "surrogateescape"))
    elif option == PR_GET_NAME:
        await copy_to_user(argument, bytes(task.name))
    else:
        raise SysError(Errno.EINVAL)
    return 0


async def _read_name(address: int) -> bytes:
    try:
        return await read_cstring(address, NAME_BYTES)
    except SysError as error:
        if error.errno != Errno.ENAMETOOLONG:
            raise
    return (await copy_from_user(address, NAME_BYTES))[: NAME_BYTES - 1]


async def futex(
    address: int, operation: int, value: int, timeout: int, other: int, third: int
) -> int:
    """Sleep and wake by the value of a word."""
    command = operation & FUTEX_COMMAND_MASK
    value &= 0xFFFFFFFF
    bits = third & 0xFFFFFFFF
    shared = not operation & FUTEX_PRIVATE
    if command in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
        deadline = None
        if timeout:
            deadline = await read_timespec(timeout)
            if command == FUTEX_WAIT:
                deadline += now_ns()
            elif operation & FUTEX_CLOCK_REALTIME:
                deadline += now_ns() - wall_clock_ns()
        mask = bits if command == FUTEX_WAIT_BITSET else futexes.ANY
        await futexes.wait(address, value, mask, deadline, is_shared=shared)
        return 0
    if command in (FUTEX_WAKE, FUTEX_WAKE_BITSET):
        mask = bits if command == FUTEX_WAKE_BITSET else futexes.ANY
        if not mask:
            raise SysError(Errno.EINVAL)
        return await futexes.wake(address, value, mask, is_shared=shared)
    if command in (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE):
        expected = bits if command == FUTEX_CMP_REQUEUE else None
        move = timeout & 0xFFFFFFFF
        return await futexes.requeue(address, value, other, move, expected, is_shared=shared)
    raise SysError(Errno.ENOSYS)


async def sched_yield() -> int:
    """Let others run first."""
    cpu().area.need_resched = 1
    return 0


def _thread_locked(tid: int) -> Task:
    addr = current().phys if not tid else slot(tid).task if 0 < tid < PID_MAX else 0
    if not addr:
        raise SysError(Errno.ESRCH)
    return Task.at(addr)


async def sched_getaffinity(tid: int, size: int, mask: int) -> int:
    """The CPUs that a thread may run on."""
    if size < 8 or size & 7:
        raise SysError(Errno.EINVAL)
    with TREE.lock.irqsave():
        affinity = _thread_locked(tid).affinity & ((1 << cpu_count()) - 1)
    await copy_to_user(mask, affinity.to_bytes(8, "little"))
    return 8


async def sched_setaffinity(tid: int, size: int, mask: int) -> int:
    """Say which CPUs a thread may run on; it moves at its next way to user mode."""
    data = await copy_from_user(mask, min(size, 8))
    affinity = int.from_bytes(data, "little") & ((1 << cpu_count()) - 1)
    if not affinity:
        raise SysError(Errno.EINVAL)
    with TREE.lock.irqsave():
        task = _thread_locked(tid)
        task.affinity = affinity
    kick(task.cpu)  # it looks at its mask at the next border to user mode
    return 0


async def reboot(magic: int, second: int, command: int) -> int:
    """End the machine."""
    if magic & 0xFFFFFFFF != REBOOT_MAGIC or second & 0xFFFFFFFF not in REBOOT_MAGICS:
        raise SysError(Errno.EINVAL)
    command &= 0xFFFFFFFF
    if command in REBOOT_CAD:
        return 0
    if command not in (REBOOT_POWER_OFF, REBOOT_HALT, REBOOT_RESTART):
        raise SysError(Errno.EINVAL)
    await POWER_OFF.get()(0)
    return 0
