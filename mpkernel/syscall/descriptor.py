"""System calls on descriptors themselves: close, dup, fcntl, pipe, poll.

Spec: POSIX.1-2017; Linux man-pages, section 2. State: none. Context: the calling task; may sleep.
"""

from types import TracebackType
from typing import Final

from mpkernel.abi.errno import Errno, SysError
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
    O_SETTABLE,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
)
from mpkernel.abi.stat import NANOSECONDS
from mpkernel.abi.structs import PollFd
from mpkernel.fs import file as files
from mpkernel.fs import pipe
from mpkernel.fs.file import File, get_file, new_pipe_files, put_file
from mpkernel.fs.pipe import Pipe
from mpkernel.fs.poll import POLLERS
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, get_u64
from mpkernel.proc import fd_table
from mpkernel.proc.fd_table import FdTable
from mpkernel.proc.process import current_process
from mpkernel.sched.timer import now_ns

_MILLISECOND_NS: Final = 1_000_000


def table() -> FdTable:
    """The descriptors of the current process."""
    return FdTable.at(current_process().files)


class UsingFile:
    """Context manager: the file of a descriptor, held for the length of a call."""

    __slots__ = ("_file",)

    def __init__(self, fd: int) -> None:
        self._file = fd_table.get(table(), fd)

    def __enter__(self) -> File:
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        put_file(self._file)


def install(file: File, flags: int) -> int:
    """A new descriptor for ``file``, whose reference it takes over in any case.

    Raises:
        SysError: EMFILE, ENOMEM.
    """
    try:
        return fd_table.install(table(), file, cloexec=bool(flags & O_CLOEXEC))
    except SysError:
        put_file(file)
        raise


async def close(fd: int) -> int:
    """Free a descriptor."""
    fd_table.close(table(), fd)
    return 0


async def close_range(first: int, last: int, flags: int) -> int:
    """Free a range of descriptors, or have exec do it."""
    if flags & ~CLOSE_RANGE_CLOEXEC or first > last:
        raise SysError(Errno.EINVAL)
    descriptors = table()
    for fd in fd_table.open_fds(descriptors):
        if first <= fd <= last:
            if flags:
                fd_table.set_close_on_exec(descriptors, fd, cloexec=True)
            else:
                fd_table.close(descriptors, fd)
    return 0


async def dup(fd: int) -> int:
    """Duplicate to the lowest free descriptor."""
    return install(fd_table.get(table(), fd), 0)


async def dup2(old: int, new: int) -> int:
    """Duplicate to a given descriptor."""
    if old == new:
        put_file(fd_table.get(table(), old))
        return new
    return await dup3(old, new, 0)


async def dup3(old: int, new: int, flags: int) -> int:
    """Duplicate to a given descriptor, maybe closed on exec."""
    if old == new or flags & ~O_CLOEXEC:
        raise SysError(Errno.EINVAL)
    file = fd_table.get(table(), old)
    try:
        fd_table.replace(table(), file, new, cloexec=bool(flags & O_CLOEXEC))
    except SysError:
        put_file(file)
        raise
    return new


async def fcntl(fd: int, command: int, argument: int) -> int:
    """Ask or change a descriptor; without file locks and owners."""
    descriptors = table()
    if command == F_GETFD:
        return FD_CLOEXEC if fd_table.is_close_on_exec(descriptors, fd) else 0
    if command == F_SETFD:
        fd_table.set_close_on_exec(descriptors, fd, cloexec=bool(argument & FD_CLOEXEC))
        return 0
    with UsingFile(fd) as file:
        if command in (F_DUPFD, F_DUPFD_CLOEXEC):
            return _duplicate(file, argument, cloexec=command == F_DUPFD_CLOEXEC)
        if command == F_GETFL:
            flags: int = file.flags
            return flags & ~O_CLOEXEC
        if command == F_SETFL:
            file.flags = file.flags & ~O_SETTABLE | argument & O_SETTABLE
            return 0
        if command == F_GETPIPE_SZ and file.pipe:
            return pipe.CAPACITY
    raise SysError(Errno.EINVAL)


async def pipe_(descriptors_at: int) -> int:
    """Make a pipe."""
    return await pipe2(descriptors_at, 0)


async def pipe2(descriptors_at: int, flags: int) -> int:
    """Make a pipe with flags."""
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise SysError(Errno.EINVAL)
    reader, writer = new_pipe_files(flags & O_NONBLOCK)
    try:
        read_fd = install(reader, flags)
    except SysError:
        put_file(writer)
        raise
    try:
        write_fd = install(writer, flags)
        try:
            pair = read_fd.to_bytes(4, "little") + write_fd.to_bytes(4, "little")
            await copy_to_user(descriptors_at, pair)
        except SysError:
            fd_table.close(table(), write_fd)
            raise
    except SysError:
        fd_table.close(table(), read_fd)
        raise
    return 0


async def poll(fds_at: int, count: int, timeout_ms: int) -> int:
    """Wait until one of several files is ready."""
    deadline = None if timeout_ms < 0 else now_ns() + timeout_ms * _MILLISECOND_NS
    return await _poll(fds_at, count, deadline)


async def ppoll(fds_at: int, count: int, timeout_at: int, mask_at: int, _mask_size: int) -> int:
    """Wait until one of several files is ready, to the nanosecond; without a signal mask."""
    if mask_at:
        raise SysError(Errno.ENOSYS)
    deadline = None
    if timeout_at:
        seconds, nanoseconds = await get_u64(timeout_at), await get_u64(timeout_at + 8)
        if nanoseconds >= NANOSECONDS or seconds >> 40:
            raise SysError(Errno.EINVAL)
        deadline = now_ns() + seconds * NANOSECONDS + nanoseconds
    return await _poll(fds_at, count, deadline)


def _duplicate(file: File, lowest: int, *, cloexec: bool) -> int:
    get_file(file)
    try:
        return fd_table.install(table(), file, lowest, cloexec=cloexec)
    except SysError:
        put_file(file)
        raise


async def _poll(fds_at: int, count: int, deadline: int | None) -> int:
    if not 0 <= count <= fd_table.MAX_FILES:
        raise SysError(Errno.EINVAL)
    data = await copy_from_user(fds_at, count * PollFd.SIZE)
    requests = [PollFd.from_buffer_copy(data, PollFd.SIZE * index) for index in range(count)]
    held = [_held(request.fd) for request in requests]
    try:
        answers: list[int] = []

        def look() -> bool:
            answers[:] = [
                _readiness(file, request.fd, request.events)
                for file, request in zip(held, requests, strict=True)
            ]
            return any(answers)

        if deadline is None or not look():
            await POLLERS.wait_until(look, deadline_ns=deadline)
        for request, answer in zip(requests, answers, strict=True):
            request.revents = answer
        await copy_to_user(fds_at, b"".join(map(bytes, requests)))
        return sum(1 for answer in answers if answer)
    finally:
        for file in held:
            if file is not None:
                put_file(file)


def _held(fd: int) -> File | None:
    """The file of a descriptor, with a reference; None if there is none."""
    try:
        return fd_table.get(table(), fd)
    except SysError:
        return None


def _readiness(file: File | None, fd: int, events: int) -> int:
    """What of ``events`` is there, and what is told unasked."""
    if fd >> 31:
        return 0  # a negative descriptor asks for nothing
    if file is None:
        return POLLNVAL
    if file.pipe:
        return _pipe_readiness(file, events)
    answer = 0
    if events & POLLIN and files.is_readable(file):
        answer |= POLLIN
    if events & POLLOUT and files.is_writable(file):
        answer |= POLLOUT
    return answer


def _pipe_readiness(file: File, events: int) -> int:
    """A pipe whose other end is gone says so, and is readable only while there are bytes."""
    ring = Pipe.at(file.pipe)
    if file.can_write:
        answer = events & POLLOUT if pipe.has_room(ring) else 0
        return answer if ring.readers else answer | POLLERR
    answer = events & POLLIN if pipe.has_bytes(ring) else 0
    return answer if ring.writers else answer | POLLHUP
