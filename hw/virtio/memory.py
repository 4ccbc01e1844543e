"""The memory a device reads and writes: given to it as an object, so that guests can have devices.

State: none. Context: whoever runs the device.
"""

from typing import Protocol

from hw import ram
from hw.spec.memory_map import HIGH_RAM_BASE, LOW_RAM_LIMIT


class DriverError(Exception):
    """The driver broke the rules; the device asks to be reset."""


class GuestMemory(Protocol):
    """Physical memory as a device's driver numbers it."""

    def read(self, addr: int, size: int) -> bytes:
        """Copy out; raises DriverError where there is no memory."""

    def write(self, addr: int, data: bytes) -> None:
        """Store; raises DriverError where there is no memory."""

    def views(self, addr: int, size: int) -> list[memoryview]:
        """Return the bytes in place, in pieces, for scatter I/O; ``written`` follows a write."""

    def written(self, addr: int, size: int) -> None:
        """Say that bytes were changed through a view."""


class MachineMemory:
    """The machine's RAM, without translation."""

    __slots__ = ()

    def _check(self, addr: int, size: int) -> None:
        in_hole = addr < HIGH_RAM_BASE and addr + size > LOW_RAM_LIMIT
        if addr + size > ram.HEADER.ram_end or in_hole:
            raise DriverError(f"no memory at {addr:#x}+{size:#x}")

    def read(self, addr: int, size: int) -> bytes:
        """Copy out."""
        self._check(addr, size)
        return ram.read(addr, size)

    def write(self, addr: int, data: bytes) -> None:
        """Store."""
        self._check(addr, len(data))
        ram.write(addr, data)

    def views(self, addr: int, size: int) -> list[memoryview]:
        """Return the bytes in place."""
        self._check(addr, size)
        return [ram.view(addr, size)]

    def written(self, addr: int, size: int) -> None:
        """Say that bytes were changed through a view."""
        ram.written(addr, size)
