"""The board after power-on: what is plugged where."""

import os
from pathlib import Path

import pytest

from hw.board import FIRST_DISK_SLOT, SLOT_CONSOLE, SLOT_ENTROPY
from hw.bus import mmio
from hw.disk.image import open_image
from hw.irq.apic_state import DEADLINES
from hw.machine_config import DiskConfig, MachineConfig, PortConfig
from hw.spec.memory_map import MIB
from hw.spec.pci import ecam_address
from hw.spec.virtio import TYPE_BLK, TYPE_CONSOLE, TYPE_RNG
from tests.support.bare_driver import find
from tests.support.board import powered_board


def test_slots_in_order(tmp_path: Path):
    images = []
    for number in range(3):
        path = tmp_path / str(number)
        path.write_bytes(bytes(512 * (number + 1)))
        images.append(open_image(DiskConfig(path)))
    with powered_board(MachineConfig(cpus=2, ram_bytes=32 * MIB), images):
        assert find(TYPE_CONSOLE) == SLOT_CONSOLE
        assert find(TYPE_RNG) == SLOT_ENTROPY
        assert [find(TYPE_BLK, n) for n in range(3)] == [FIRST_DISK_SLOT + n for n in range(3)]
        with pytest.raises(LookupError):
            find(TYPE_BLK, 3)
        assert mmio.read(0, ecam_address(0, 0, 0, 8), 4) >> 16 == 0x0600
        assert all(DEADLINES[core].tsc.value == (1 << 64) - 1 for core in range(2))
    for image in images:
        os.close(image.fd)


def test_machine_without_ports_has_no_console():
    with (
        powered_board(MachineConfig(cpus=1, ram_bytes=32 * MIB, ports=())),
        pytest.raises(LookupError),
    ):
        find(TYPE_CONSOLE)


def test_most_ports_and_disks_fit():
    ports = tuple(PortConfig(f"p{n}") for n in range(8))
    with powered_board(MachineConfig(cpus=1, ram_bytes=32 * MIB, ports=ports)):
        slot = find(TYPE_CONSOLE)
        assert slot == SLOT_CONSOLE
