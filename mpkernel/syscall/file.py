"""System calls that move bytes: read, write and their kin, lseek, getdents64, ioctl, sendfile.

User memory is copied here, in pieces; fs.file sees bytes only. A piece that follows one that went
well and fails ends the call with what was done.

Spec: POSIX.1-2017; Linux man-pages, section 2. State: none. Context: the calling task; may sleep.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import IOV_MAX
from mpkernel.abi.signal import Signal
from mpkernel.abi.stat import DIRENT_NAME, Dirent64Head, dirent_type
from mpkernel.abi.structs import IoVec
from mpkernel.fs import file as files
from mpkernel.fs.file import File
from mpkernel.fs.path import list_directory
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, get_u64, put_u64
from mpkernel.proc.signal import send_to_current
from mpkernel.syscall.descriptor import UsingFile

#: Bytes copied at a time.
PIECE_BYTES: Final = 1 << 16
#: Most bytes that one call moves (Linux: MAX_RW_COUNT).
MAX_BYTES: Final = 0x7FFF_F000


async def read(fd: int, buffer: int, size: int) -> int:
    """Read from the file's position."""
    with UsingFile(fd) as file:
        return await _read_to(file, buffer, min(size, MAX_BYTES))


async def write(fd: int, buffer: int, size: int) -> int:
    """Write at the file's position."""
    with UsingFile(fd) as file:
        return await _write_from(file, buffer, min(size, MAX_BYTES))


async def pread64(fd: int, buffer: int, size: int, offset: int) -> int:
    """Read from an offset; the position stays."""
    if offset < 0:
        raise SysError(Errno.EINVAL)
    with UsingFile(fd) as file:
        return await _read_to(file, buffer, min(size, MAX_BYTES), offset)


async def pwrite64(fd: int, buffer: int, size: int, offset: int) -> int:
    """Write to an offset; the position stays."""
    if offset < 0:
        raise SysError(Errno.EINVAL)
    with UsingFile(fd) as file:
        return await _write_from(file, buffer, min(size, MAX_BYTES), offset)


async def readv(fd: int, vector: int, count: int) -> int:
    """Read into several buffers."""
    with UsingFile(fd) as file:
        return await _each(file, await _read_vector(vector, count), _read_to)


async def writev(fd: int, vector: int, count: int) -> int:
    """Write from several buffers: small vectors go out in one piece, so that lines stay whole."""
    with UsingFile(fd) as file:
        parts = await _read_vector(vector, count)
        if sum(size for _, size in parts) <= PIECE_BYTES:
            data = b"".join([await copy_from_user(base, size) for base, size in parts])
            return await _write_piece(file, data, None)
        return await _each(file, parts, _write_from)


async def lseek(fd: int, offset: int, whence: int) -> int:
    """Move the position."""
    with UsingFile(fd) as file:
        return await files.seek(file, offset, whence)


async def ioctl(fd: int, command: int, argument: int) -> int:
    """Control a device."""
    with UsingFile(fd) as file:
        return await files.ioctl(file, command & 0xFFFF_FFFF, argument)


async def ftruncate(fd: int, size: int) -> int:
    """Give an open file a new size."""
    with UsingFile(fd) as file:
        if not file.can_write:
            raise SysError(Errno.EINVAL)
        await files.truncate(file.node, size)
    return 0


async def fsync(fd: int) -> int:
    """Make changes durable: what can be written lives in memory only, so nothing is to be done."""
    with UsingFile(fd) as file:
        if file.pipe:
            raise SysError(Errno.EINVAL)
    return 0


async def sync() -> int:
    """Make all changes durable: there are none that could be."""
    return 0


async def getdents64(fd: int, buffer: int, size: int) -> int:
    """List a directory from the file's position on."""
    with UsingFile(fd) as file:
        inode = file.node
        if not inode.is_directory:
            raise SysError(Errno.ENOTDIR)
        async with file.lock.killable():
            entries = await list_directory(inode)
            data, last = bytearray(), file.offset
            for entry in entries:
                if entry.cookie <= file.offset:
                    continue
                length = (DIRENT_NAME + len(entry.name) + 1 + 7) & ~7
                if len(data) + length > size:
                    if not data:
                        raise SysError(Errno.EINVAL)
                    break
                head = Dirent64Head(entry.ino, entry.cookie, length, dirent_type(entry.kind))
                record = bytes(head)[:DIRENT_NAME] + entry.name
                data += record.ljust(length, b"\0")
                last = entry.cookie
            await copy_to_user(buffer, bytes(data))
            file.offset = last
        return len(data)


async def sendfile(out_fd: int, in_fd: int, offset_at: int, size: int) -> int:
    """Copy from file to file."""
    offset = await get_u64(offset_at) if offset_at else 0
    done = 0
    size = min(size, MAX_BYTES)
    with UsingFile(in_fd) as source, UsingFile(out_fd) as target:
        while done < size:
            wanted = min(size - done, PIECE_BYTES)
            if offset_at:
                data = await files.read_at(source, offset + done, wanted)
            else:
                data = await files.read(source, wanted)
            if not data:
                break
            done += await _write_piece(target, data, None)
    if offset_at:
        await put_u64(offset_at, offset + done)
    return done


async def _read_vector(vector: int, count: int) -> list[tuple[int, int]]:
    """The buffers of readv and writev."""
    if not 0 <= count <= IOV_MAX:
        raise SysError(Errno.EINVAL)
    data = await copy_from_user(vector, count * IoVec.SIZE)
    parts = []
    left = MAX_BYTES
    for at in range(0, len(data), IoVec.SIZE):
        part = IoVec.from_buffer_copy(data, at)
        if part.iov_len >> 63:
            raise SysError(Errno.EINVAL)
        length = min(part.iov_len, left)
        left -= length
        parts.append((part.iov_base, length))
    return parts


def _check_size(size: int) -> None:
    if size < 0:
        raise SysError(Errno.EINVAL)


async def _each(
    file: File, parts: list[tuple[int, int]], move: Callable[[File, int, int], Awaitable[int]]
) -> int:
    """Move the bytes of buffer after buffer, until one comes short."""
    done = 0
    for base, size in parts:
        try:
            got = await move(file, base, size)
        except SysError:
            if done:
                return done
            raise
        done += got
        if got < size:
            break
    return done


async def _read_to(file: File, buffer: int, size: int, offset: int | None = None) -> int:
    """Read into user memory, until a piece comes short."""
    _check_size(size)
    is_stream = bool(file.pipe) or file.node.is_char_device
    done = 0
    while done < size or not size:
        wanted = min(size - done, PIECE_BYTES)
        try:
            if offset is None:
                data = await files.read(file, wanted)
            else:
                data = await files.read_at(file, offset + done, wanted)
            await copy_to_user(buffer + done, data)
        except SysError:
            if done:
                return done
            raise
        done += len(data)
        if is_stream or len(data) < wanted or not size:
            break
    return done


async def _write_from(file: File, buffer: int, size: int, offset: int | None = None) -> int:
    """Write from user memory, until a piece goes short."""
    _check_size(size)
    done = 0
    while done < size or not size:
        wanted = min(size - done, PIECE_BYTES)
        try:
            data = await copy_from_user(buffer + done, wanted)
            count = await _write_piece(file, data, None if offset is None else offset + done)
        except SysError:
            if done:
                return done
            raise
        done += count
        if count < wanted or not size:
            break
    return done


async def _write_piece(file: File, data: bytes, offset: int | None) -> int:
    try:
        if offset is not None:
            return await files.write_at(file, offset, data)
        return await files.write(file, data)
    except SysError as error:
        if error.errno == Errno.EPIPE:
            send_to_current(Signal.SIGPIPE)
        raise
