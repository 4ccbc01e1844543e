"""A disk as a file: its bytes are the device's, its end is the device's."""

import os
from pathlib import Path

import pytest

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.block import device
from mpkernel.fs.block_file import new_block_inode, read_sectors
from mpkernel.fs.file import read_inode_at
from mpkernel.fs.inode import put_inode
from mpkernel.mm import frames
from tests.support.files import DRIVER, file_kernel

#: No multiple of a page.
SECTORS = 21


@pytest.fixture
def disk(tmp_path: Path):
    """A kernel CPU with one disk, and the disk's bytes."""
    data = os.urandom(SECTORS * device.SECTOR_SIZE)
    (tmp_path / "disk").write_bytes(data)
    with file_kernel(tmp_path / "disk") as kernel:
        yield kernel, data


def test_its_bytes_are_the_devices(disk):
    kernel, data = disk
    inode = new_block_inode(0)
    assert inode.cache.size_bytes == len(data)
    for offset, size in ((0, len(data) + 999), (511, 4097), (len(data) - 1, 10), (len(data), 10)):
        assert kernel.run_one(read_inode_at(inode, offset, size)) == data[offset : offset + size]
    put_inode(inode)


def test_a_page_is_read_once(disk):
    kernel, _ = disk
    inode = new_block_inode(0)
    DRIVER.sectors.clear()
    for _ in range(3):
        kernel.run_one(read_inode_at(inode, 100, 2 * PAGE_SIZE))
    assert sorted(DRIVER.sectors) == [0, 8, 16]
    put_inode(inode)


def test_beyond_the_end_is_zero(disk):
    kernel, data = disk
    frame = frames.alloc_frame()
    memory.write(frame, b"\xff" * PAGE_SIZE)
    kernel.run_one(read_sectors(device.by_index(0), SECTORS - 2, 8, frame))
    assert memory.read(frame, PAGE_SIZE) == data[-1024:] + bytes(PAGE_SIZE - 1024)
    kernel.run_one(read_sectors(device.by_index(0), SECTORS + 100, 8, frame))
    assert memory.read(frame, PAGE_SIZE) == bytes(PAGE_SIZE)
    frames.free_frame(frame)


def test_a_broken_device_is_eio_and_leaves_no_page(disk):
    kernel, data = disk
    inode = new_block_inode(0)
    DRIVER.is_broken = True
    with pytest.raises(SysError) as error:
        kernel.run_one(read_inode_at(inode, 0, 10))
    assert error.value.errno == Errno.EIO
    DRIVER.is_broken = False
    assert kernel.run_one(read_inode_at(inode, 0, 10)) == data[:10]
    put_inode(inode)
