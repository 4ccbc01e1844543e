"""The table of block devices; I/O through it is tested with the disk driver."""

import asyncio
from collections.abc import Sequence

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.block import device as block
from mpkernel.block.device import BlockDevice, Segment
from tests.support.device_kernel import device_kernel

DRIVER = 9


class Recorder:
    """A driver that remembers what it was asked for."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int, tuple[Segment, ...]]] = []

    async def transfer(
        self, device: BlockDevice, operation: int, sector: int, segments: Sequence[Segment]
    ) -> None:
        self.seen.append((block.name_of(device), operation, sector, tuple(segments)))


def test_names_counts_and_the_end_of_the_table() -> None:
    with device_kernel():
        for index in range(block.MAX_DEVICES):
            device = block.register(DRIVER, 0, 100 + index, read_only=False)
            assert block.name_of(device) == f"vd{chr(ord('a') + index)}"
            assert block.by_index(index).sectors == 100 + index
        assert block.count() == block.MAX_DEVICES
        with pytest.raises(SysError, match="ENOSPC"):
            block.register(DRIVER, 0, 1, read_only=False)
        for wrong in (-1, block.MAX_DEVICES):
            with pytest.raises(SysError, match="ENXIO"):
                block.by_index(wrong)


def test_requests_reach_the_driver_as_they_are() -> None:
    with device_kernel():
        driver = Recorder()
        block.BLOCK_DRIVERS.add(DRIVER, driver)
        disk = block.register(DRIVER, 0, 100, read_only=False)
        solid = block.register(DRIVER, 0, 100, read_only=True)

        async def requests() -> None:
            await block.read(disk, 1, 2, 0x1000)
            await block.write_segments(disk, 90, [(0x1000, 512), (0x3000, 1024)])
            await block.flush(disk)
            await block.flush(solid)  # nothing was written: nothing to do

        asyncio.run(requests())
        assert driver.seen == [
            ("vda", block.READ, 1, ((0x1000, 1024),)),
            ("vda", block.WRITE, 90, ((0x1000, 512), (0x3000, 1024))),
            ("vda", block.FLUSH, 0, ()),
        ]
        assert (disk.reads, disk.writes, disk.sectors_read, disk.sectors_written) == (1, 1, 2, 3)


@pytest.mark.parametrize("size", [0, 511, 513])
def test_parts_of_sectors_are_refused(size: int) -> None:
    with device_kernel():
        disk = block.register(DRIVER, 0, 100, read_only=False)
        with pytest.raises(SysError, match="EIO"):
            asyncio.run(block.read_segments(disk, 0, [(0x1000, size)]))
