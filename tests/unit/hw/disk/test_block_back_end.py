"""Block requests on a real file, through the rings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw import ram
from hw.disk.block_back_end import BlockBackEnd
from hw.disk.image import Image, open_image
from hw.machine_config import DiskConfig, MachineConfig
from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.virtio import (
    BLK_S_IOERR,
    BLK_S_OK,
    BLK_T_DISCARD,
    BLK_T_IN,
    BLK_T_OUT,
    STATUS_NEEDS_RESET,
    TYPE_BLK,
    BlkRange,
    BlkRequest,
)
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory
from tests.support.bare_driver import Driver, find
from tests.support.board import powered_board

HEADER, DATA, STATUS = 12 * MIB, 12 * MIB + 4096, 12 * MIB + 512


class Rig:
    """A driver, its disk and the file behind it."""

    def __init__(self, path: Path, image: Image) -> None:
        self.path = path
        self.image = image
        self.driver = Driver(find(TYPE_BLK), PCI_WINDOW_BASE, 10 * MIB)
        self.driver.start()
        device = VirtioDevice(self.driver.slot, MachineMemory())
        self.back_end = BlockBackEnd(device, image, "SERIAL")

    def request(self, kind: int, sector: int, size: int, at: int = DATA) -> int:
        """Do one request; return its status byte, 0xEE if it was not answered."""
        ram.write(HEADER, bytes(BlkRequest(kind, 0, sector)))
        ram.write(STATUS, b"\xee")
        data = (at, size)
        out = [(HEADER, 16)] + ([data] if kind != BLK_T_IN else [])
        into = ([data] if kind == BLK_T_IN else []) + [(STATUS, 1)]
        self.driver.post(0, out, into)
        self.back_end.serve()
        return ram.read(STATUS, 1)[0]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    path = tmp_path / "disk"
    path.write_bytes(bytes(range(256)) * 128)
    image = open_image(DiskConfig(path))
    with powered_board(MachineConfig(cpus=1, ram_bytes=32 * MIB), [image]):
        yield Rig(path, image)
    os.close(image.fd)


def test_capacity_is_the_files(rig: Rig):
    assert rig.driver.device_config(0, 8) == 64


def test_write_read_discard(rig: Rig):
    ram.write(DATA, b"new" * 512)
    assert rig.request(BLK_T_OUT, 2, 1536) == BLK_S_OK
    assert rig.path.read_bytes()[1024 : 1024 + 1536] == b"new" * 512
    assert rig.request(BLK_T_IN, 0, 512) == BLK_S_OK
    assert ram.read(DATA, 512) == bytes(range(256)) * 2
    ram.write(DATA, bytes(BlkRange(8, 8, 0)))
    assert rig.request(BLK_T_DISCARD, 0, 16) == BLK_S_OK
    assert rig.path.read_bytes()[4096:8192] == bytes(4096)
    assert len(rig.path.read_bytes()) == 32768


def test_file_that_was_cut_is_an_error_of_the_disk(rig: Rig):
    os.truncate(rig.path, 1024)
    assert rig.request(BLK_T_IN, 8, 512) == BLK_S_IOERR
    assert rig.request(BLK_T_IN, 0, 512) == BLK_S_OK


@pytest.mark.parametrize("kind", [BLK_T_IN, BLK_T_OUT])
def test_buffer_that_is_no_memory_stops_the_device_not_the_host(rig: Rig, kind: int):
    before = rig.path.read_bytes()
    assert rig.request(kind, 0, 512, at=1 << 45) == 0xEE
    assert rig.driver.common("device_status") & STATUS_NEEDS_RESET
    assert rig.path.read_bytes() == before
