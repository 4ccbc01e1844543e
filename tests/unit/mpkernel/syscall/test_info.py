"""What the system says of itself, and limits."""

import struct

from mpkernel.abi.times import (
    RLIM_INFINITY,
    RLIMIT_CORE,
    RLIMIT_NOFILE,
    RLIMIT_STACK,
    ResourceLimit,
    SystemInfo,
)
from mpkernel.fs.memory_devices import ENTROPY
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.proc.fd_table import MAX_FILES
from mpkernel.syscall import descriptor, info
from mpkernel.trace import log
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of


async def limit(resource: int) -> tuple[int, int]:
    assert await info.getrlimit(resource, SCRATCH) == 0
    found = ResourceLimit.from_buffer_copy(await copy_from_user(SCRATCH, 16))
    return found.rlim_cur, found.rlim_max


async def wanted(now: int, most: int) -> int:
    await copy_to_user(SCRATCH + 64, struct.pack("<QQ", now, most))
    return SCRATCH + 64


def test_names_and_memory(caller: Caller) -> None:
    async def body() -> None:
        await info.uname(SCRATCH)
        data = await copy_from_user(SCRATCH, 65 * 6)
        names = [data[at : at + 65].rstrip(b"\0") for at in range(0, 65 * 6, 65)]
        assert (names[0], names[4]) == (b"Linux", b"x86_64")
        assert all(names)
        await info.sysinfo(SCRATCH)
        found = SystemInfo.from_buffer_copy(await copy_from_user(SCRATCH, SystemInfo.SIZE))
        assert 0 < found.freeram < found.totalram <= 32 << 20
        assert (found.mem_unit, found.procs) == (1, 1)
        assert await info.getcpu(SCRATCH, SCRATCH + 4) == 0
        assert await copy_from_user(SCRATCH, 8) == bytes(8)

    caller.run(body)


def test_the_limit_of_files_is_kept(caller: Caller) -> None:
    async def body() -> None:
        _, most = await limit(RLIMIT_NOFILE)
        assert most == MAX_FILES
        await info.setrlimit(RLIMIT_NOFILE, await wanted(3, most))
        assert await limit(RLIMIT_NOFILE) == (3, most)
        await descriptor.pipe_(SCRATCH)
        assert await error_of(descriptor.pipe_(SCRATCH)) == "EMFILE"
        assert await descriptor.dup(0) == 2
        over = info.setrlimit(RLIMIT_NOFILE, await wanted(3, MAX_FILES + 1))
        assert await error_of(over) == "EPERM"
        assert await error_of(info.setrlimit(RLIMIT_NOFILE, await wanted(4, 3))) == "EINVAL"

    caller.run(body)


def test_other_limits_stand_still(caller: Caller) -> None:
    async def body() -> None:
        assert await limit(RLIMIT_CORE) == (0, 0)
        stack, _ = await limit(RLIMIT_STACK)
        assert await info.setrlimit(RLIMIT_STACK, await wanted(stack, stack)) == 0
        changed = info.setrlimit(RLIMIT_STACK, await wanted(stack + 1, RLIM_INFINITY))
        assert await error_of(changed) == "EPERM"
        assert await error_of(info.getrlimit(16, SCRATCH)) == "EINVAL"
        assert await error_of(info.getrlimit(-1, SCRATCH)) == "EINVAL"
        assert await error_of(info.prlimit64(77, RLIMIT_CORE, 0, 0)) == "ESRCH"
        assert await info.prlimit64(caller.me.pid, RLIMIT_CORE, 0, SCRATCH) == 0

    caller.run(body)


def test_random_bytes_come_in_pieces(caller: Caller) -> None:
    asked = []

    async def source(size: int) -> bytes:
        asked.append(size)
        return b"r" * size

    before = dict(ENTROPY._entries)
    ENTROPY._entries.clear()
    ENTROPY.fill(source)

    async def body() -> None:
        assert await info.getrandom(SCRATCH, 600, 0) == 600
        assert await copy_from_user(SCRATCH, 601) == b"r" * 600 + b"\0"
        assert await error_of(info.getrandom(SCRATCH, 1, 8)) == "EINVAL"
        assert await error_of(info.getrandom(64, 1, 0)) == "EFAULT"

    try:
        caller.run(body)
    finally:
        ENTROPY._entries.clear()
        ENTROPY._entries.update(before)
    assert sum(asked[:3]) == 600
    assert max(asked) <= 256


def test_usage(caller: Caller) -> None:
    caller.me.user_ns, caller.me.children_system_ns = 3_000_005_000, 7_000

    async def body() -> None:
        await info.getrusage(0, SCRATCH)
        assert struct.unpack("<4q", await copy_from_user(SCRATCH, 32))[:2] == (3, 5)
        await info.getrusage(-1, SCRATCH)
        assert struct.unpack("<4q", await copy_from_user(SCRATCH, 32)) == (0, 0, 0, 7)
        assert await info.getrusage(1, SCRATCH) == 0
        assert await error_of(info.getrusage(2, SCRATCH)) == "EINVAL"

    caller.run(body)


def test_the_log_is_read_from_its_end(caller: Caller) -> None:
    async def body() -> None:
        log.warning("first")
        log.warning("second")
        room = await info.syslog(info.SYSLOG_ACTION_SIZE_BUFFER, 0, 0)
        assert room == log.RING_BYTES
        size = await info.syslog(info.SYSLOG_ACTION_READ_ALL, SCRATCH, 2000)
        text = await copy_from_user(SCRATCH, size)
        assert text.endswith(b"cpu 0: first\n" + text.splitlines(keepends=True)[-1])
        assert text.endswith(b"cpu 0: second\n")
        assert await info.syslog(info.SYSLOG_ACTION_READ_ALL, SCRATCH, 8) == 8
        assert await copy_from_user(SCRATCH, 8) == b" second\n"
        assert await info.syslog(info.SYSLOG_ACTION_READ_ALL, 0, 0) == 0
        for action in (-1, 0, 2, 5, 11):
            assert await error_of(info.syslog(action, SCRATCH, 8)) == "EINVAL"
        assert await error_of(info.syslog(info.SYSLOG_ACTION_READ_ALL, 16, 8)) == "EFAULT"

    caller.run(body)


def test_nobody_has_supplementary_groups(caller: Caller) -> None:
    async def body() -> None:
        assert await info.getgroups(0, 0) == 0
        assert await info.getgroups(32, SCRATCH) == 0
        assert await error_of(info.getgroups(-1, SCRATCH)) == "EINVAL"

    caller.run(body)
