"""Pipe: bytes in order from writers to readers, through a ring of frames.

    written - taken = bytes in the ring; both only grow; byte n stands in frame n / 4096 % 16

A write of up to PIPE_BUF bytes is never torn. A read sleeps while the ring is empty and a writer
is left; a write sleeps while it is full and a reader is left, and is EPIPE without one: the caller
sends SIGPIPE.

Spec: POSIX.1-2017, pipe, write. State: RAM. Locks: Pipe.lock (spinning). Context: task.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.address import PAGE_SHIFT, PAGE_SIZE
from hw.spec.layout import Layout, atomic, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import PIPE_BUF
from mpkernel.arch import memory
from mpkernel.arch.atomics import fence
from mpkernel.fs import poll
from mpkernel.mm import frames, slab
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

RING_FRAMES: Final = 16
CAPACITY: Final = RING_FRAMES * PAGE_SIZE


@layout()
class Pipe(Layout):
    """A ring with two ends."""

    lock: Spinlock
    # These change under the lock, and are read without it to see whether waiting is over.
    written: Annotated[u64, atomic]  #: bytes since creation
    taken: Annotated[u64, atomic]
    readers: Annotated[u32, atomic]  #: open descriptions of each end
    writers: Annotated[u32, atomic]
    frames: Annotated[Any, ctypes.c_uint64 * RING_FRAMES]  #: 0 until first used
    read_queue: WaitQueue
    write_queue: WaitQueue


PIPES: Final = slab.cache("pipe", Pipe)


def new_pipe() -> Pipe:
    """A pipe with one reader and one writer.

    Raises:
        SysError: ENOMEM.
    """
    pipe = Pipe.at(PIPES.alloc())
    pipe.lock.init(ranks.PIPE)
    pipe.read_queue.init()
    pipe.write_queue.init()
    pipe.readers = pipe.writers = 1
    return pipe


def has_bytes(pipe: Pipe) -> bool:
    """Whether bytes are in the ring."""
    return bool(pipe.written != pipe.taken)


def has_room(pipe: Pipe, size: int = PIPE_BUF) -> bool:
    """Whether ``size`` more bytes fit."""
    return bool(CAPACITY - (pipe.written - pipe.taken) >= size)


def is_readable(pipe: Pipe) -> bool:
    """Whether a read would not sleep."""
    return has_bytes(pipe) or not pipe.writers


def is_writable(pipe: Pipe, size: int = PIPE_BUF) -> bool:
    """Whether a write of ``size`` bytes, at most PIPE_BUF, would not sleep."""
    return has_room(pipe, size) or not pipe.readers


async def read(pipe: Pipe, size: int, *, can_wait: bool) -> bytes:
    """At most ``size`` bytes, at least one; none when all writers are gone.

    Raises:
        SysError: EAGAIN, the ring is empty and the caller must not wait.
        Interrupted: by a signal, nothing was taken.
    """
    if not size:
        return b""
    while True:
        with pipe.lock:
            data = _take_locked(pipe, size)
            has_writers = pipe.writers > 0
        if data:
            _wake(pipe.write_queue)
            return data
        if not has_writers:
            return b""
        if not can_wait:
            raise SysError(Errno.EAGAIN)
        await pipe.read_queue.wait_until(lambda: is_readable(pipe))


async def write(pipe: Pipe, data: bytes, *, can_wait: bool) -> int:
    """Put bytes in; all of them, unless the caller must not wait or a signal came in between.

    Raises:
        SysError: EPIPE, no reader is left and nothing was written; EAGAIN; ENOMEM.
        Interrupted: by a signal, nothing was written.
    """
    done = 0
    while done < len(data):
        try:
            count = _put(pipe, data, done)
            if not count:
                await _wait_for_room(pipe, len(data), can_wait=can_wait)
        except SysError as error:
            if done and error.errno != Errno.EPIPE:
                return done
            raise
        if count:
            done += count
            _wake(pipe.read_queue)
    return done


def release_end(pipe: Pipe, *, is_writer: bool) -> None:
    """The last description of one end is closed. Frees the pipe with its second end."""
    with pipe.lock:
        if is_writer:
            pipe.writers -= 1
        else:
            pipe.readers -= 1
        is_last = not pipe.readers and not pipe.writers
    if is_last:
        for frame in pipe.frames:
            if frame:
                frames.free_frame(frame)
        PIPES.free(pipe.phys)
        poll.notify()
        return
    queue = pipe.read_queue if is_writer else pipe.write_queue
    _wake(queue)


def _wake(queue: WaitQueue) -> None:
    """The ring changed: wake the other side, if anybody waits there."""
    fence()
    if not queue.is_empty():
        queue.wake_all()
    poll.notify()


def _put(pipe: Pipe, data: bytes, done: int) -> int:
    """Put what fits of data[done:]; EPIPE without a reader."""
    with pipe.lock:
        if not pipe.readers:
            raise SysError(Errno.EPIPE)
        return _put_locked(pipe, data, done)


async def _wait_for_room(pipe: Pipe, size: int, *, can_wait: bool) -> None:
    """Sleep until a write of ``size`` bytes can go on: all of a small one, any of a large one."""
    if not can_wait:
        raise SysError(Errno.EAGAIN)
    least = size if size <= PIPE_BUF else 1
    await pipe.write_queue.wait_until(lambda: is_writable(pipe, least))


def _take_locked(pipe: Pipe, size: int) -> bytes:
    start: int = pipe.taken
    count = min(size, pipe.written - start)
    parts = []
    for at, length, slot in _pieces(start, count):
        parts.append(memory.read(pipe.frames[slot] + at, length))
    pipe.taken = start + count
    return b"".join(parts)


def _put_locked(pipe: Pipe, data: bytes, done: int) -> int:
    """Put what fits of data[done:]: all or nothing of up to PIPE_BUF bytes. Returns the count."""
    start: int = pipe.written
    room = CAPACITY - (start - pipe.taken)
    count = len(data) - done
    if count > room:
        if len(data) <= PIPE_BUF:
            return 0
        count = room
    source = done
    for at, length, slot in _pieces(start, count):
        if not pipe.frames[slot]:
            pipe.frames[slot] = frames.alloc_frame()
        memory.write(pipe.frames[slot] + at, data[source : source + length])
        source += length
    pipe.written = start + count
    return count


def _pieces(start: int, count: int) -> list[tuple[int, int, int]]:
    """(offset in frame, bytes, slot) of ``count`` bytes from byte ``start`` on."""
    pieces = []
    while count:
        at = start & (PAGE_SIZE - 1)
        length = min(count, PAGE_SIZE - at)
        pieces.append((at, length, (start >> PAGE_SHIFT) % RING_FRAMES))
        start += length
        count -= length
    return pieces
