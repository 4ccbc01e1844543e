"""Descriptors: dup, fcntl, ranges, pipes and poll as the manual pages say."""

import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mpkernel.abi.fcntl import (
    CLOSE_RANGE_CLOEXEC,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_GETPIPE_SZ,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
    O_CLOEXEC,
    O_NONBLOCK,
    O_WRONLY,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
)
from mpkernel.fs.pipe import CAPACITY
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.syscall import descriptor, file
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of


async def new_pipe(flags: int = 0) -> tuple[int, int]:
    assert await descriptor.pipe2(SCRATCH, flags) == 0
    read_fd, write_fd = struct.unpack("<ii", await copy_from_user(SCRATCH, 8))
    return read_fd, write_fd


async def polled(timeout_ms: int, *requests: tuple[int, int]) -> tuple[int, list[int]]:
    data = b"".join(struct.pack("<ihh", fd, events, 0x55) for fd, events in requests)
    await copy_to_user(SCRATCH, data)
    count = await descriptor.poll(SCRATCH, len(requests), timeout_ms)
    answer = await copy_from_user(SCRATCH, len(data))
    return count, [one[2] for one in struct.iter_unpack("<ihH", answer)]


def test_dup_and_fcntl(caller: Caller) -> None:
    async def body() -> None:
        reader, writer = await new_pipe()
        assert (reader, writer) == (0, 1)
        assert await descriptor.dup(0) == 2
        assert await descriptor.dup2(1, 1) == 1
        assert await descriptor.dup2(1, 9) == 9
        assert await descriptor.dup3(0, 9, O_CLOEXEC) == 9
        assert await descriptor.fcntl(9, F_GETFD, 0) == FD_CLOEXEC
        assert await descriptor.fcntl(0, F_GETFD, 0) == 0
        assert await descriptor.fcntl(9, F_SETFD, 0) == 0
        assert await descriptor.fcntl(9, F_GETFD, 0) == 0
        assert await descriptor.fcntl(1, F_DUPFD, 5) == 5
        assert await descriptor.fcntl(1, F_DUPFD_CLOEXEC, 5) == 6
        assert await descriptor.fcntl(6, F_GETFD, 0) == FD_CLOEXEC
        assert await descriptor.fcntl(1, F_GETPIPE_SZ, 0) == CAPACITY
        assert await descriptor.fcntl(1, F_SETFL, O_NONBLOCK | O_CLOEXEC) == 0
        assert await descriptor.fcntl(5, F_GETFL, 0) == O_WRONLY | O_NONBLOCK
        assert await descriptor.fcntl(0, F_GETFL, 0) == 0

    caller.run(body)


def test_ranges(caller: Caller) -> None:
    async def body() -> list[str]:
        await new_pipe()
        await new_pipe()
        assert await descriptor.close_range(1, 2, CLOSE_RANGE_CLOEXEC) == 0
        assert [await descriptor.fcntl(fd, F_GETFD, 0) for fd in range(4)] == [0, 1, 1, 0]
        assert await descriptor.close_range(2, 0xFFFFFFFF, 0) == 0
        return [await error_of(descriptor.close(fd)) for fd in range(4)]

    assert caller.run(body) == ["", "", "EBADF", "EBADF"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: descriptor.close(3), "EBADF"),
        (lambda: descriptor.dup(-1), "EBADF"),
        (lambda: descriptor.dup2(4, 4), "EBADF"),
        (lambda: descriptor.dup3(4, 4, 0), "EINVAL"),
        (lambda: descriptor.dup3(0, 4, O_NONBLOCK), "EINVAL"),
        (lambda: descriptor.fcntl(0, F_GETFL, 0), "EBADF"),
        (lambda: descriptor.close_range(2, 1, 0), "EINVAL"),
        (lambda: descriptor.close_range(1, 2, 1), "EINVAL"),
        (lambda: descriptor.pipe2(SCRATCH, 1), "EINVAL"),
        (lambda: descriptor.pipe_(64), "EFAULT"),
        (lambda: descriptor.poll(SCRATCH, -1, 0), "EINVAL"),
        (lambda: descriptor.poll(64, 1, 0), "EFAULT"),
        (lambda: descriptor.ppoll(SCRATCH, 0, 0, SCRATCH, 8), "ENOSYS"),
    ],
)
def test_refused(caller: Caller, call: Callable[[], Coroutine[Any, Any, int]], error: str) -> None:
    assert caller.refused(call) == error


def test_what_a_file_cannot_do(caller: Caller) -> None:
    async def body() -> None:
        await new_pipe()
        assert await error_of(descriptor.dup2(0, 1 << 20)) == "EBADF"
        assert await error_of(descriptor.fcntl(0, F_DUPFD, 1 << 20)) == "EINVAL"
        assert await error_of(descriptor.fcntl(0, 9999, 0)) == "EINVAL"

    caller.run(body)


def test_poll_tells_what_is_there(caller: Caller) -> None:
    both = POLLIN | POLLOUT

    async def body() -> None:
        reader, writer = await new_pipe()
        ends = (reader, both), (writer, both), (-1, both), (7, both)
        assert await polled(0, *ends) == (2, [0, POLLOUT, 0, POLLNVAL])
        await copy_to_user(SCRATCH, b"x")
        await file.write(writer, SCRATCH, 1)
        assert await polled(-1, *ends[:2]) == (2, [POLLIN, POLLOUT])
        await descriptor.close(writer)
        assert await polled(0, (reader, POLLIN)) == (1, [POLLIN | POLLHUP])
        await file.read(reader, SCRATCH, 1)
        assert await polled(-1, (reader, 0)) == (1, [POLLHUP])
        reader, writer = await new_pipe()
        await descriptor.close(reader)
        assert await polled(-1, (writer, POLLIN)) == (1, [POLLERR])

    caller.run(body)


def test_poll_sleeps_until_there_is_something(caller: Caller) -> None:
    order = []

    async def poller() -> None:
        reader, _ = await new_pipe()
        assert await polled(-1, (reader, POLLIN)) == (1, [POLLIN])
        order.append("polled")

    async def writer() -> None:
        order.append("writes")
        await file.write(1, SCRATCH + 4096, 1)

    caller.run(poller, writer)
    assert order == ["writes", "polled"]
