"""System calls that tell about the system, and limits.

Spec: Linux man-pages, section 2. State: none of its own. Locks: none. Context: task; may sleep.
"""

from typing import Final

import mpkernel
from hw.spec.address import PAGE_SIZE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.times import (
    NS_PER_S,
    RLIM_INFINITY,
    RLIMIT_CORE,
    RLIMIT_COUNT,
    RLIMIT_NOFILE,
    RLIMIT_STACK,
    RUSAGE_CHILDREN,
    RUSAGE_SELF,
    RUSAGE_THREAD,
    UTS_FIELD,
    ResourceLimit,
    ResourceUsage,
    SystemInfo,
)
from mpkernel.arch.cpu import cpu
from mpkernel.fs.memory_devices import ENTROPY
from mpkernel.mm import frames
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, put_u32
from mpkernel.proc.fd_table import MAX_FILES, FdTable
from mpkernel.proc.initial_stack import STACK_SIZE
from mpkernel.proc.process import TREE, current_process, times_of
from mpkernel.sched.task import current
from mpkernel.sched.timer import now_ns
from mpkernel.trace import log

#: What the ABI is: the Linux version whose calls are here, as C libraries look at it.
RELEASE: Final = "6.1.0-mpkernel"
NODE_NAME: Final = "mpkernel"
RANDOM_PIECE: Final = 256
GRND_KNOWN: Final = 7
#: Actions of syslog(2).
SYSLOG_ACTION_READ_ALL: Final = 3
SYSLOG_ACTION_SIZE_BUFFER: Final = 10


async def uname(address: int) -> int:
    """Names of the system."""
    version = getattr(mpkernel, "__version__", "")
    fields = ("Linux", NODE_NAME, RELEASE, f"mpkernel {version} SMP".strip(), "x86_64", "(none)")
    await copy_to_user(address, b"".join(one.encode().ljust(UTS_FIELD, b"\0") for one in fields))
    return 0


async def sysinfo(address: int) -> int:
    """Memory, uptime, processes."""
    info = SystemInfo()
    info.uptime = now_ns() // NS_PER_S
    info.totalram = frames.total_count() * PAGE_SIZE
    info.freeram = frames.free_count() * PAGE_SIZE
    info.procs = min(TREE.count, 0xFFFF)
    info.mem_unit = 1
    await copy_to_user(address, bytes(info))
    return 0


async def getrandom(address: int, size: int, flags: int) -> int:
    """Random bytes."""
    if flags & ~GRND_KNOWN:
        raise SysError(Errno.EINVAL)
    done = 0
    while done < size:
        data = await ENTROPY.get()(min(size - done, RANDOM_PIECE))
        await copy_to_user(address + done, data)
        done += len(data)
    return done


async def getrusage(who: int, address: int) -> int:
    """CPU times of the process, its children, or the thread."""
    process = current_process()
    if who == RUSAGE_SELF:
        user, system = times_of(process)
    elif who == RUSAGE_CHILDREN:
        user, system = process.children_user_ns, process.children_system_ns
    elif who == RUSAGE_THREAD:
        user, system = current().user_ns, current().system_ns
    else:
        raise SysError(Errno.EINVAL)
    usage = ResourceUsage()
    for place, value in ((usage.ru_utime, user), (usage.ru_stime, system)):
        place.tv_sec, rest = divmod(value, NS_PER_S)
        place.tv_usec = rest // 1000
    await copy_to_user(address, bytes(usage))
    return 0


def _limit(resource: int) -> ResourceLimit:
    """A limit of the current process.

    Raises:
        SysError: EINVAL.
    """
    if not 0 <= resource < RLIMIT_COUNT:
        raise SysError(Errno.EINVAL)
    if resource == RLIMIT_NOFILE:
        return ResourceLimit(FdTable.at(current_process().files).limit, MAX_FILES)
    if resource == RLIMIT_STACK:
        return ResourceLimit(STACK_SIZE, STACK_SIZE)
    if resource == RLIMIT_CORE:
        return ResourceLimit(0, 0)
    return ResourceLimit(RLIM_INFINITY, RLIM_INFINITY)


def _set_limit(resource: int, wanted: ResourceLimit) -> None:
    """Set a limit. Only that of files can change; others may be set to what they are.

    Raises:
        SysError: EINVAL, EPERM.
    """
    if wanted.rlim_cur > wanted.rlim_max:
        raise SysError(Errno.EINVAL)
    if resource == RLIMIT_NOFILE:
        if wanted.rlim_max > MAX_FILES:
            raise SysError(Errno.EPERM)
        table = FdTable.at(current_process().files)
        with table.lock:
            table.limit = wanted.rlim_cur
        return
    if wanted.rlim_cur != _limit(resource).rlim_cur:
        raise SysError(Errno.EPERM)


async def prlimit64(pid: int, resource: int, new: int, old: int) -> int:
    """Read or set a limit of the caller."""
    if pid not in (0, current_process().pid):
        raise SysError(Errno.ESRCH)
    before = bytes(_limit(resource))
    if new:
        data = await copy_from_user(new, ResourceLimit.SIZE)
        _set_limit(resource, ResourceLimit.from_buffer_copy(data))
    if old:
        await copy_to_user(old, before)
    return 0


async def getrlimit(resource: int, address: int) -> int:
    """Read a limit."""
    await copy_to_user(address, bytes(_limit(resource)))
    return 0


async def setrlimit(resource: int, address: int) -> int:
    """Set a limit."""
    data = await copy_from_user(address, ResourceLimit.SIZE)
    _set_limit(resource, ResourceLimit.from_buffer_copy(data))
    return 0


async def getcpu(index: int, node: int) -> int:
    """The CPU that this ran on, and its node."""
    if index:
        await put_u32(index, cpu().index)
    if node:
        await put_u32(node, 0)
    return 0


async def syslog(action: int, address: int, size: int) -> int:
    """Read the kernel's log, whole or its end (klogctl); the console's level is not for users.

    Raises:
        SysError: EINVAL, an action that changes or waits.
    """
    if action == SYSLOG_ACTION_SIZE_BUFFER:
        return log.RING_BYTES
    if action != SYSLOG_ACTION_READ_ALL or size < 0:
        raise SysError(Errno.EINVAL)
    text = log.read_all()[-size:] if size else b""
    await copy_to_user(address, text)
    return len(text)


async def getgroups(count: int, address: int) -> int:  # noqa: ARG001  nothing is stored
    """Supplementary groups: nobody has any."""
    if count < 0:
        raise SysError(Errno.EINVAL)
    return 0
