"""File: an open description, shared by all descriptors that were duplicated from one.

    fd --reference--> File --reference--> Inode
                         --one end--> Pipe

What read and write mean follows from the inode's kind; whoever calls hands bytes, so user memory
is no matter of this file.

State: RAM. Locks: File.lock (sleeping), the position, taken only while several share the file;
Inode.lock (sleeping), writers. Context: task, may sleep; put never sleeps.
"""

from typing import Annotated, Final

from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import (
    O_ACCMODE,
    O_APPEND,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
)
from mpkernel.abi.stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG
from mpkernel.fs import pipe as pipes
from mpkernel.fs.char_device import CHAR_DEVICES, CharDevice
from mpkernel.fs.directory import touch
from mpkernel.fs.file_system import FS_PIPE
from mpkernel.fs.inode import Inode, get_inode, new_inode, put_inode
from mpkernel.fs.pipe import Pipe, new_pipe
from mpkernel.mm import page_cache, slab
from mpkernel.sched.mutex import Mutex
from mpkernel.sync import ranks
from mpkernel.sync.refcount import Refcount

#: Offsets are signed 64-bit numbers.
MAX_OFFSET: Final = (1 << 63) - 1


@layout()
class File(Layout):
    """An open file."""

    references: Refcount
    flags: Annotated[u32, atomic]  #: O_* of open; F_SETFL changes some
    inode: Annotated[u64, fixed]  #: Inode, with a reference
    pipe: Annotated[u64, fixed]  #: Pipe, one end of it; 0 for other files
    offset: Annotated[u64, guarded_by("lock")]  #: position in bytes; a directory's cookie
    lock: Mutex

    @property
    def node(self) -> Inode:
        """The inode."""
        return Inode.at(self.inode)

    @property
    def can_read(self) -> bool:
        """Whether it was opened for reading."""
        return self.flags & (O_ACCMODE | O_PATH) in (O_RDONLY, O_RDWR)

    @property
    def can_write(self) -> bool:
        """Whether it was opened for writing."""
        return self.flags & (O_ACCMODE | O_PATH) in (O_WRONLY, O_RDWR)

    @property
    def can_wait(self) -> bool:
        """Whether its calls may sleep for data."""
        return not self.flags & O_NONBLOCK


FILES: Final = slab.cache("file", File)


def new_file(inode: Inode, flags: int) -> File:
    """An open description of ``inode``, whose reference it takes over; it has one itself.

    Raises:
        SysError: ENOMEM; the inode's reference is put then.
    """
    try:
        file = File.at(FILES.alloc())
    except SysError:
        put_inode(inode)
        raise
    file.flags = flags
    file.inode = inode.phys
    file.lock.init(ranks.FILE_OFFSET)
    file.references.store(1)
    return file


def new_pipe_files(flags: int) -> tuple[File, File]:
    """The two ends of a new pipe: for reading, for writing.

    Raises:
        SysError: ENOMEM.
    """
    pipe = new_pipe()
    try:
        inode = new_inode(FS_PIPE, S_IFIFO | 0o600)
    except SysError:
        pipes.release_end(pipe, is_writer=False)
        pipes.release_end(pipe, is_writer=True)
        raise
    reader = new_file(get_inode(inode), O_RDONLY | flags)
    writer = new_file(inode, O_WRONLY | flags)
    reader.pipe = writer.pipe = pipe.phys
    return reader, writer


def get_file(file: File) -> File:
    """One more reference; returns ``file``."""
    file.references.get()
    return file


def put_file(file: File) -> None:
    """One reference less; the last closes the file."""
    if not file.references.put():
        return
    if file.pipe:
        pipes.release_end(Pipe.at(file.pipe), is_writer=file.can_write)
    put_inode(file.node)
    FILES.free(file.phys)


def device_of(file: File) -> CharDevice:
    """The code of a character device.

    Raises:
        SysError: ENXIO, nobody drives it.
    """
    number = file.node.device_id
    if number not in CHAR_DEVICES:
        raise SysError(Errno.ENXIO)
    return CHAR_DEVICES[number]


async def read(file: File, size: int) -> bytes:
    """At most ``size`` bytes from the file's position on; none at the end.

    Raises:
        SysError: EBADF, EISDIR, EAGAIN, EIO.
        Interrupted: a signal came before any byte.
    """
    _check_readable(file)
    if file.pipe:
        return await pipes.read(Pipe.at(file.pipe), size, can_wait=file.can_wait)
    if file.node.kind == S_IFCHR:
        return await _read_device(file, size)
    if file.references.value == 1:
        return await _read_on(file, size)
    async with file.lock.killable():
        return await _read_on(file, size)


async def write(file: File, data: bytes) -> int:
    """Write at the file's position (at the end under O_APPEND); how many bytes were taken.

    Raises:
        SysError: EBADF, EPIPE (the caller sends SIGPIPE), EAGAIN, EFBIG, ENOSPC, EIO.
        Interrupted: a signal came before any byte.
    """
    if not file.can_write:
        raise SysError(Errno.EBADF)
    if file.pipe:
        return await pipes.write(Pipe.at(file.pipe), data, can_wait=file.can_wait)
    if file.node.kind == S_IFCHR:
        device = device_of(file)
        if not file.can_wait and not device.is_writable():
            raise SysError(Errno.EAGAIN)
        return await device.write(data)
    if file.references.value == 1:
        return await _write_on(file, data)
    async with file.lock.killable():
        return await _write_on(file, data)


async def read_at(file: File, offset: int, size: int) -> bytes:
    """As ``read``, from ``offset``; the position stays.

    Raises:
        SysError: ESPIPE; as ``read``.
    """
    _check_readable(file)
    _check_seekable(file)
    return await read_inode_at(file.node, offset, size)


async def write_at(file: File, offset: int, data: bytes) -> int:
    """As ``write``, to ``offset``; the position stays.

    Raises:
        SysError: ESPIPE; as ``write``.
    """
    if not file.can_write:
        raise SysError(Errno.EBADF)
    _check_seekable(file)
    return await _write_inode(file.node, offset, data, is_append=bool(file.flags & O_APPEND))


async def read_inode_at(inode: Inode, offset: int, size: int) -> bytes:
    """Bytes of a regular file or block device; fewer at its end.

    Raises:
        SysError: EIO.
    """
    if inode.kind == S_IFCHR:
        raise SysError(Errno.ESPIPE)
    return await page_cache.read(inode.cache, offset, size)


def map_cache(inode: Inode) -> int:
    """The page cache behind an inode, to be mapped.

    Raises:
        SysError: ENODEV, the file has no pages.
    """
    if inode.kind not in (S_IFREG, S_IFBLK):
        raise SysError(Errno.ENODEV)
    return inode.cache.phys


async def seek(file: File, offset: int, whence: int) -> int:
    """Move the position; returns it.

    Raises:
        SysError: ESPIPE, EINVAL, EOVERFLOW.
    """
    _check_seekable(file)
    async with file.lock.killable():
        if whence == SEEK_CUR:
            offset += file.offset
        elif whence == SEEK_END and not file.node.is_directory:
            offset += file.node.cache.size_bytes
        elif whence != SEEK_SET:
            raise SysError(Errno.EINVAL)
        if offset < 0:
            raise SysError(Errno.EINVAL)
        if offset > MAX_OFFSET:
            raise SysError(Errno.EOVERFLOW)
        file.offset = offset
        return offset


async def truncate(inode: Inode, size: int) -> None:
    """Give a regular file a new size; what is new reads as zero.

    Raises:
        SysError: EINVAL, EISDIR, EFBIG.
    """
    if inode.is_directory:
        raise SysError(Errno.EISDIR)
    if not inode.is_regular:
        raise SysError(Errno.EINVAL)
    if not 0 <= size <= MAX_OFFSET:
        raise SysError(Errno.EINVAL if size < 0 else Errno.EFBIG)
    async with inode.lock.killable():
        if size > inode.cache.size_bytes:
            page_cache.grow(inode.cache, size)
        else:
            page_cache.truncate(inode.cache, size)
        touch(inode)


async def ioctl(file: File, command: int, argument: int) -> int:
    """Device control.

    Raises:
        SysError: EBADF, ENOTTY, EFAULT, EINVAL.
    """
    if file.flags & O_PATH:
        raise SysError(Errno.EBADF)
    if file.node.kind != S_IFCHR:
        raise SysError(Errno.ENOTTY)
    return await device_of(file).ioctl(command, argument)


def is_readable(file: File) -> bool:
    """Whether a read would not sleep."""
    if file.pipe:
        return file.can_read and pipes.is_readable(Pipe.at(file.pipe))
    if file.node.kind == S_IFCHR:
        return device_of(file).is_readable()
    return True


def is_writable(file: File) -> bool:
    """Whether a write would not sleep."""
    if file.pipe:
        return file.can_write and pipes.is_writable(Pipe.at(file.pipe))
    if file.node.kind == S_IFCHR:
        return device_of(file).is_writable()
    return True


def _check_readable(file: File) -> None:
    if not file.can_read:
        raise SysError(Errno.EBADF)
    if file.node.kind == S_IFDIR:
        raise SysError(Errno.EISDIR)


def _check_seekable(file: File) -> None:
    if file.flags & O_PATH:
        raise SysError(Errno.EBADF)
    if file.pipe or file.node.kind == S_IFCHR:
        raise SysError(Errno.ESPIPE)


async def _read_device(file: File, size: int) -> bytes:
    device = device_of(file)
    if not file.can_wait and not device.is_readable():
        raise SysError(Errno.EAGAIN)
    return await device.read(size) if size else b""


async def _read_on(file: File, size: int) -> bytes:
    data = await page_cache.read(file.node.cache, file.offset, size)
    file.offset += len(data)
    return data


async def _write_on(file: File, data: bytes) -> int:
    inode = file.node
    is_append = bool(file.flags & O_APPEND)
    done = await _write_inode(inode, file.offset, data, is_append=is_append)
    file.offset = inode.cache.size_bytes if is_append else file.offset + done
    return done


async def _write_inode(inode: Inode, offset: int, data: bytes, *, is_append: bool) -> int:
    async with inode.lock.killable():
        cache = inode.cache
        if is_append:
            offset = cache.size_bytes
        if offset + len(data) > MAX_OFFSET:
            raise SysError(Errno.EFBIG)
        await page_cache.write(cache, offset, data)
        touch(inode)
    return len(data)
