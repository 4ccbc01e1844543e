"""Descriptors of the host that never stall the device process.

O_NONBLOCK would belong to everybody who shares the file (the user's shell among them), so it is
not set: a write follows POLLOUT and is small enough for what POLLOUT promises, a read follows
POLLIN.

State: none. Context: device process.
"""

import errno
import os
import socket
import stat
from typing import Final

#: A pipe that polls writable takes this much without blocking.
_PIPE_BUF: Final = 4096
_FILE_CHUNK: Final = 1 << 20
READ_CHUNK: Final = 4096


class ClosedError(Exception):
    """Nobody is at the other end any more."""


def read(fd: int) -> bytes | None:
    """Read what there is after POLLIN: empty at the end of input, None if it is gone again."""
    try:
        return os.read(fd, READ_CHUNK)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""  # EIO: the terminal hung up


def write(fd: int, data: bytes) -> int:
    """Write what fits after POLLOUT; return how much that was.

    Raises:
        ClosedError: nobody will read it.

    """
    try:
        kind = os.fstat(fd).st_mode
        if stat.S_ISSOCK(kind):
            with socket.socket(fileno=os.dup(fd)) as end:
                return end.send(data, socket.MSG_DONTWAIT)
        return os.write(fd, data[: _FILE_CHUNK if stat.S_ISREG(kind) else _PIPE_BUF])
    except (BlockingIOError, InterruptedError):
        return 0
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EIO, errno.ECONNRESET, errno.EBADF, errno.ENOSPC):
            raise ClosedError from error
        raise
