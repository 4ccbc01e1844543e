"""Boot information: the memory map covers all RAM once, modules and command line are there."""

import pytest

from hw import clock, ram
from hw.machine_config import MachineConfig, ModuleConfig
from hw.spec.boot_info import (
    BOOT_MAGIC,
    MEMORY_BOOT_MODULE,
    MEMORY_USABLE,
    BootCpu,
    BootInfo,
    BootMemoryRange,
    BootModule,
)
from hw.spec.memory_map import BOOT_INFO_BASE, GIB, KERNEL_DATA_BASE, MIB, ram_ranges
from tests.support.board import powered_board

pytestmark = pytest.mark.feature("A1")


def ranges(info: BootInfo) -> list[BootMemoryRange]:
    return [
        BootMemoryRange.at(info.memory_ranges + BootMemoryRange.SIZE * index)
        for index in range(info.memory_range_count)
    ]


@pytest.mark.parametrize("ram_bytes", [32 * MIB, 256 * MIB, 5 * GIB])
@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_map_covers_all_ram_once(ram_bytes: int, nodes: int):
    with powered_board(MachineConfig(cpus=4, ram_bytes=ram_bytes, numa_nodes=nodes)):
        info = BootInfo.at(BOOT_INFO_BASE)
        parts = [(one.start, one.end) for one in ranges(info)]
        assert parts == sorted(parts)
        merged: list[list[int]] = []
        for start, end in parts:
            assert start < end
            if merged and merged[-1][1] == start:
                merged[-1][1] = end
            else:
                merged.append([start, end])
        usable = sum(one.end - one.start for one in ranges(info) if one.kind == MEMORY_USABLE)
        assert [tuple(one) for one in merged if one[0] >= KERNEL_DATA_BASE or not one[0]] == (
            ram_ranges(ram_bytes)
        )
        assert usable == ram_bytes - KERNEL_DATA_BASE
        assert {one.node for one in ranges(info)} == set(range(nodes))


def test_modules_cores_and_command_line():
    modules = (ModuleConfig("init", b"\x7fELF" + bytes(9000)), ModuleConfig("empty", b""))
    config = MachineConfig(
        cpus=2, apic_ids=(4, 9), ram_bytes=32 * MIB, boot_modules=modules, cmdline="root=/dev/vda ä"
    )
    with powered_board(config):
        info = BootInfo.at(BOOT_INFO_BASE)
        assert info.magic == BOOT_MAGIC
        assert info.tsc_hz == clock.CLOCK.tsc_hz > 100_000_000
        assert ram.read(info.command_line, info.command_line_size).decode() == "root=/dev/vda ä"
        cpus = [BootCpu.at(info.cpus + BootCpu.SIZE * index) for index in range(info.cpu_count)]
        assert [cpu.apic_id for cpu in cpus] == [4, 9]
        for index, module in enumerate(modules):
            entry = BootModule.at(info.modules + BootModule.SIZE * index)
            assert ram.read(entry.name, entry.name_size).decode() == module.name
            assert ram.read(entry.start, entry.size) == module.data
            assert entry.start % 4096 == 0
            assert any(
                one.kind == MEMORY_BOOT_MODULE and one.start <= entry.start < one.end
                for one in ranges(info)
            )
