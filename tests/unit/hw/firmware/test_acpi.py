"""Firmware tables, read back as an operating system reads them: by offset and checksum."""

import pytest

from hw import ram
from hw.machine_config import MachineConfig
from hw.spec.boot_info import BootInfo
from hw.spec.memory_map import BOOT_INFO_BASE, ECAM_BASE, HPET_BASE, IO_APIC_BASE, MIB
from tests.support.board import powered_board

pytestmark = pytest.mark.feature("A5")

CONFIG = MachineConfig(cpus=3, apic_ids=(0, 5, 0x300), ram_bytes=64 * MIB, numa_nodes=2)


def number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


@pytest.fixture(scope="module")
def tables() -> dict[bytes, bytes]:
    with powered_board(CONFIG):
        at = BootInfo.at(BOOT_INFO_BASE).rsdp
        rsdp = ram.read(at, 36)
        assert rsdp[:8] == b"RSD PTR "
        assert at % 16 == 0
        assert sum(rsdp[:20]) % 256 == 0
        assert sum(rsdp) % 256 == 0
        found = {}
        pending = [number(rsdp, 24, 8)]
        while pending:
            address = pending.pop()
            length = number(ram.read(address, 8), 4, 4)
            data = ram.read(address, length)
            assert sum(data) % 256 == 0, data[:4]
            found[data[:4]] = data
            if data[:4] == b"XSDT":
                pending += [number(data, i, 8) for i in range(36, length, 8)]
        return found


def entries(data: bytes, start: int) -> list[bytes]:
    """Cut a table's entries by their length bytes."""
    found = []
    while start < len(data):
        assert data[start + 1] >= 2
        found.append(data[start : start + data[start + 1]])
        start += data[start + 1]
    return found


def test_all_tables_are_there(tables: dict[bytes, bytes]):
    assert set(tables) == {b"XSDT", b"APIC", b"HPET", b"MCFG", b"SRAT", b"SLIT"}


def test_cores_and_io_apic(tables: dict[bytes, bytes]):
    madt = tables[b"APIC"]
    assert number(madt, 36, 4) == 0xFEE0_0000
    kinds = entries(madt, 44)
    assert [e[3] for e in kinds if e[0] == 0] == [0, 5]
    assert [number(e, 4, 4) for e in kinds if e[0] == 9] == [0x300]
    assert [number(e, 4, 4) for e in kinds if e[0] == 1] == [IO_APIC_BASE]


def test_hpet_and_ecam(tables: dict[bytes, bytes]):
    assert number(tables[b"HPET"], 44, 8) == HPET_BASE
    mcfg = tables[b"MCFG"]
    assert number(mcfg, 44, 8) == ECAM_BASE
    assert (mcfg[54], mcfg[55]) == (0, 255)


def test_nodes(tables: dict[bytes, bytes]):
    srat = entries(tables[b"SRAT"], 48)
    assert [(e[2], e[3]) for e in srat if e[0] == 0] == [(0, 0), (0, 5)]
    assert [(number(e, 4, 4), number(e, 8, 4)) for e in srat if e[0] == 2] == [(1, 0x300)]
    memory = [(number(e, 8, 8), number(e, 16, 8), number(e, 2, 4)) for e in srat if e[0] == 1]
    assert memory == [(0, 32 * MIB, 0), (32 * MIB, 32 * MIB, 1)]
    slit = tables[b"SLIT"]
    assert number(slit, 36, 8) == 2
    assert list(slit[44:]) == [10, 20, 20, 10]
