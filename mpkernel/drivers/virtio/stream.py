"""Ports as character devices: stdin, stdout and stderr of a machine that runs one program.

State: none. Context: task.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.drivers.virtio import port as console_port
from mpkernel.drivers.virtio.console import find_port


class PortStream:
    """A character device over the port of a name: bytes as they are, no terminal."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    async def read(self, size: int) -> bytes:
        """Read what there is; nothing at the end of input."""
        return await console_port.read(find_port(self._name), size)

    async def write(self, data: bytes) -> int:
        """Write all bytes; EPIPE if nobody reads at the host's end."""
        return await console_port.write(find_port(self._name), data)

    async def ioctl(self, _command: int, _argument: int) -> int:
        """Refuse: a stream is no terminal."""
        raise SysError(Errno.ENOTTY)

    def is_readable(self) -> bool:
        """Whether a read would not sleep."""
        port = find_port(self._name)
        return console_port.has_input(port) or not port.is_open

    def is_writable(self) -> bool:
        """Whether a write would not sleep."""
        return console_port.can_put(find_port(self._name))
