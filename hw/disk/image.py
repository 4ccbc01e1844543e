"""Disk images: files the machine's disks stand on, locked against a second writer.

A private image is a copy-on-write view (MAP_PRIVATE): reads come from the file until a page is
written, and what is written is gone with the machine.

State: the file; for a private image, memory of the device process.
Context: opened by the launcher before the fork, used by the device process.
"""

import fcntl
import mmap
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from hw import host
from hw.machine_config import DiskConfig, MachineError
from hw.spec.virtio import SECTOR_SIZE

_F_OFD_SETLK: Final = 37
_IOV_MAX: Final = 1024
_ZERO_CHUNK: Final = 1 << 20

Bytes: TypeAlias = memoryview | bytes


class Image(Protocol):
    """What a disk does with its image; failures are OSError."""

    sectors: int
    read_only: bool
    fd: int

    def read(self, offset: int, views: Sequence[memoryview]) -> None:
        """Fill the views from an offset on."""

    def write(self, offset: int, views: Sequence[Bytes]) -> None:
        """Write the views at an offset."""

    def flush(self) -> None:
        """Make completed writes durable."""

    def zero(self, offset: int, size: int) -> None:
        """Make a range read as zeroes."""


@dataclass
class FileImage:
    """An image whose writes go to its file."""

    fd: int
    sectors: int
    read_only: bool

    def read(self, offset: int, views: Sequence[memoryview]) -> None:
        """Fill the views from an offset on."""
        self._whole(os.preadv, offset, views)

    def write(self, offset: int, views: Sequence[Bytes]) -> None:
        """Write the views at an offset."""
        self._whole(os.pwritev, offset, views)

    def _whole(self, call: host.VectorCall, offset: int, views: Sequence[Bytes]) -> None:
        """Repeat a vector call until all is done; the host may do less at a time."""
        left: list[Bytes] = [view for view in views if len(view)]
        while left:
            done = call(self.fd, left[:_IOV_MAX], offset)
            if not done:
                raise OSError("the image file is shorter than it was")
            offset += done
            while left and done >= len(left[0]):
                done -= len(left.pop(0))
            if done:
                left[0] = left[0][done:]

    def flush(self) -> None:
        """Make completed writes durable."""
        os.fdatasync(self.fd)

    def zero(self, offset: int, size: int) -> None:
        """Punch a hole, or write zeroes where the host's file system has no holes."""
        if not host.punch_hole(self.fd, offset, size):
            for at, part in _zeroes(offset, size):
                self.write(at, [part])


@dataclass
class PrivateImage:
    """An image whose writes stay with the machine."""

    fd: int
    sectors: int
    pages: mmap.mmap
    read_only: bool = False

    def read(self, offset: int, views: Sequence[memoryview]) -> None:
        """Fill the views from an offset on."""
        for view in views:
            view[:] = self.pages[offset : offset + len(view)]
            offset += len(view)

    def write(self, offset: int, views: Sequence[Bytes]) -> None:
        """Write the views at an offset."""
        for view in views:
            self.pages[offset : offset + len(view)] = bytes(view)
            offset += len(view)

    def flush(self) -> None:
        """Do nothing: what is private is never durable."""

    def zero(self, offset: int, size: int) -> None:
        """Make a range read as zeroes."""
        for at, part in _zeroes(offset, size):
            self.pages[at : at + len(part)] = part


def _zeroes(offset: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Cut a range into zeroes of bounded size, each with its offset."""
    for at in range(offset, offset + size, _ZERO_CHUNK):
        yield at, bytes(min(_ZERO_CHUNK, offset + size - at))


def open_image(config: DiskConfig) -> Image:
    """Open and lock an image.

    Raises:
        MachineError: it is missing, no image, or in use; the text says which.

    """
    path = config.path
    writable = not (config.read_only or config.private)
    try:
        fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        hint = " (use it read-only, or change its rights)" if writable and denied else ""
        raise MachineError(f"cannot open disk image {path}: {error.strerror}{hint}") from error
    try:
        sectors = _sectors(fd, config)
        _lock(fd, config, exclusive=writable)
        if config.private:
            return PrivateImage(fd, sectors, mmap.mmap(fd, 0, access=mmap.ACCESS_COPY))
    except BaseException:
        os.close(fd)
        raise
    return FileImage(fd, sectors, not writable)


def _sectors(fd: int, config: DiskConfig) -> int:
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode) and (config.private or not stat.S_ISBLK(mode)):
        raise MachineError(f"disk image {config.path} is not a regular file")
    size = os.lseek(fd, 0, os.SEEK_END)
    if not size:
        raise MachineError(f"disk image {config.path} is empty: make one with mpkernel mkfs")
    if size % SECTOR_SIZE:
        raise MachineError(
            f"disk image {config.path} is cut off: {size} bytes are not whole sectors of 512"
        )
    return size // SECTOR_SIZE


def _lock(fd: int, config: DiskConfig, *, exclusive: bool) -> None:
    """Take an OFD lock, which ends with the last process of the machine."""
    kind = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
    request = struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(fd, _F_OFD_SETLK, request)
    except BlockingIOError as error:
        raise MachineError(
            f"disk image {config.path} is in use by another machine: stop it, or use a copy"
        ) from error
    except OSError as error:
        raise MachineError(f"cannot lock disk image {config.path}: {error.strerror}") from error
