"""/dev/null, zero, full and random: character devices without hardware of their own.

State: none. Locks: none. Context: task.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.seam import Seam

#: Most bytes that one read gives.
MOST_BYTES: Final = 1 << 16

#: Gives so many random bytes (the entropy driver).
ENTROPY: Final = Seam[Callable[[int], Awaitable[bytes]]]("entropy")


class NullDevice:
    """Takes everything, gives nothing."""

    async def read(self, size: int) -> bytes:
        """The end."""
        return b""

    async def write(self, data: bytes) -> int:
        """All of it is gone."""
        return len(data)

    async def ioctl(self, command: int, argument: int) -> int:
        """No controls."""
        raise SysError(Errno.ENOTTY)

    def is_readable(self) -> bool:
        """Always."""
        return True

    def is_writable(self) -> bool:
        """Always."""
        return True


class ZeroDevice(NullDevice):
    """Takes everything, gives zeros."""

    async def read(self, size: int) -> bytes:
        """Zeros."""
        return bytes(min(size, MOST_BYTES))


class FullDevice(ZeroDevice):
    """Gives zeros, has no room."""

    async def write(self, data: bytes) -> int:
        """ENOSPC."""
        raise SysError(Errno.ENOSPC)


class RandomDevice(NullDevice):
    """Gives random bytes."""

    async def read(self, size: int) -> bytes:
        """Random bytes."""
        return await ENTROPY.get()(min(size, MOST_BYTES))
