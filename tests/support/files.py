"""A kernel CPU with file systems and a disk that is a host file, without drivers.

State: maps a machine's memory into this process; one at a time.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.block import device
from mpkernel.block.device import BLOCK_DRIVERS, READ, BlockDevice, Segment
from mpkernel.fs import file_system, mount
from mpkernel.fs.block_file import SOURCE_BLOCK, BlockSource
from mpkernel.fs.char_device import CHAR_DEVICES, CHAR_NULL, CHAR_ZERO
from mpkernel.fs.ext2.mounted import Ext2
from mpkernel.fs.ext2.page_source import Ext2Source
from mpkernel.fs.file_system import FILE_SYSTEMS
from mpkernel.fs.memory_devices import NullDevice, ZeroDevice
from mpkernel.fs.procfs import PROCESS_TEXTS, SYSTEM_TEXTS, ProcFs
from mpkernel.fs.tmpfs import MemoryFileSystem, MemorySource
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_EXT2, SOURCE_NONE
from mpkernel.seam import Seam
from tests.support.kernel_cpu import KernelCpu, kernel_cpu

T = TypeVar("T")
DRIVER_HOST_FILE = 77


class HostReader:
    """Bytes of a host file, for a volume without any machine."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        self.size_bytes = os.fstat(self._fd).st_size

    async def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._fd, size, offset)

    def close(self) -> None:
        os.close(self._fd)


class HostFileDriver:
    """A block driver over host files: driver_data is a descriptor. Counts; fails when told."""

    def __init__(self) -> None:
        self.sectors: list[int] = []
        self.is_broken = False

    async def transfer(
        self, disk: BlockDevice, operation: int, sector: int, segments: Sequence[Segment]
    ) -> None:
        assert operation == READ
        if self.is_broken:
            raise SysError(Errno.EIO)
        for address, size in segments:
            self.sectors.append(sector)
            data = os.pread(disk.driver_data, size, sector * device.SECTOR_SIZE)
            memory.write(address, data)
            sector += size // device.SECTOR_SIZE


class OneProcess:
    """What /proc shows of the only process, 7, which has descriptor 0."""

    files: tuple[str, ...] = ("stat", "status")
    links: tuple[str, ...] = ("exe",)

    def pids(self) -> list[int]:
        return [7]

    def current_pid(self) -> int:
        return 7

    def exists(self, pid: int) -> bool:
        return pid == 7

    async def text(self, pid: int, name: str) -> bytes:
        return f"{name} of {pid}\n".encode()

    async def link(self, _pid: int, _name: str) -> bytes:
        return b"/bin/sh"

    def descriptors(self, _pid: int) -> list[int]:
        return [0]

    async def descriptor(self, _pid: int, fd: int) -> bytes:
        return f"file {fd}".encode()


DRIVER = HostFileDriver()


def _fill(seam: Seam[T], key: int, value: T) -> None:
    if key not in seam:
        seam.add(key, value)


@contextmanager
def file_kernel(image: Path | None = None) -> Iterator[KernelCpu]:
    """A kernel CPU; with an image, disk vda holds it. Nothing is mounted yet."""
    _fill(FILE_SYSTEMS, file_system.FS_EXT2, Ext2())
    _fill(FILE_SYSTEMS, file_system.FS_TMPFS, MemoryFileSystem("tmpfs"))
    _fill(FILE_SYSTEMS, file_system.FS_DEVFS, MemoryFileSystem("devfs"))
    _fill(FILE_SYSTEMS, file_system.FS_PROCFS, ProcFs())
    _fill(FILE_SYSTEMS, file_system.FS_PIPE, MemoryFileSystem("pipefs"))
    _fill(PAGE_SOURCES, SOURCE_NONE, MemorySource())
    _fill(PAGE_SOURCES, SOURCE_EXT2, Ext2Source())
    _fill(PAGE_SOURCES, SOURCE_BLOCK, BlockSource())
    _fill(CHAR_DEVICES, CHAR_NULL, NullDevice())
    _fill(CHAR_DEVICES, CHAR_ZERO, ZeroDevice())
    _fill(BLOCK_DRIVERS, DRIVER_HOST_FILE, DRIVER)
    _fill(PROCESS_TEXTS, 0, OneProcess())
    _fill(SYSTEM_TEXTS, 0, lambda: b"12.00 24.00\n")
    DRIVER.sectors.clear()
    DRIVER.is_broken = False
    with kernel_cpu() as cpu:
        mount.init()
        fd = -1
        if image is not None:
            fd = os.open(image, os.O_RDONLY)
            device.register(
                DRIVER_HOST_FILE, fd, os.fstat(fd).st_size // device.SECTOR_SIZE, read_only=True
            )
        try:
            yield cpu
        finally:
            if fd >= 0:
                os.close(fd)
