"""Character devices, as files see them: a table from device id to code.

A seam: terminals, ports and the memory devices fill it at start; devfs names the ids.

State: none here; each device keeps its own in RAM. Context: task.
"""

from typing import Final, Protocol

from mpkernel.seam import Seam

CHAR_CONSOLE: Final = 1  #: the terminal of the console port
CHAR_STDIN: Final = 2  #: port that carries the launcher's standard input
CHAR_STDOUT: Final = 3
CHAR_STDERR: Final = 4
CHAR_NULL: Final = 5
CHAR_ZERO: Final = 6
CHAR_FULL: Final = 7
CHAR_RANDOM: Final = 8
CHAR_DEBUG: Final = 9  #: there only in machines that are made to be tried hard


class CharDevice(Protocol):
    """What a character device can do."""

    async def read(self, size: int) -> bytes:
        """At most ``size`` bytes, at least one unless the end is reached; sleeps for the first."""

    async def write(self, data: bytes) -> int:
        """Take bytes; how many were taken. Sleeps until it took one."""

    async def ioctl(self, command: int, argument: int) -> int:
        """Device control; ENOTTY for what the device does not know."""

    def is_readable(self) -> bool:
        """Whether a read would not sleep."""

    def is_writable(self) -> bool:
        """Whether a write would not sleep."""


CHAR_DEVICES: Final = Seam[CharDevice]("char_devices")
