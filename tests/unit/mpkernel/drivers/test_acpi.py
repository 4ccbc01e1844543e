"""Firmware's tables, and damaged ones."""

from collections.abc import Iterator

import pytest

from hw.machine_config import MachineConfig
from hw.spec.acpi import TableHeader
from hw.spec.memory_map import ECAM_BASE, HPET_BASE, IO_APIC_BASE, MIB
from mpkernel.arch import memory
from mpkernel.drivers import acpi
from tests.support.board import powered_board

IDS = (0, 3, 7, 300)


@pytest.fixture(autouse=True)
def _board() -> Iterator[None]:
    with powered_board(MachineConfig(cpus=4, ram_bytes=32 * MIB, apic_ids=IDS)):
        yield


def test_what_the_tables_say() -> None:
    assert acpi.apic_ids() == list(IDS)
    assert acpi.io_apics() == [acpi.IoApicInfo(IO_APIC_BASE, 0)]
    assert acpi.hpet_address() == HPET_BASE
    windows = acpi.ecam_windows()
    assert [(w.address, w.start_bus, w.end_bus) for w in windows] == [(ECAM_BASE, 0, 255)]
    assert {name for name, _ in acpi.tables()} == {b"APIC", b"HPET", b"MCFG", b"SRAT", b"SLIT"}


def test_absent_table_is_named() -> None:
    with pytest.raises(acpi.AcpiError, match="no table DMAR"):
        acpi.find(b"DMAR")


@pytest.mark.parametrize("offset", [0, 5, 14, 19, 20, 35])
def test_damaged_root_pointer(offset: int) -> None:
    at = acpi.rsdp_address() + offset
    memory.write(at, bytes([memory.read(at, 1)[0] ^ 0x10]))
    with pytest.raises(acpi.AcpiError, match="root pointer"):
        acpi.find(b"APIC")


@pytest.mark.parametrize("offset", [9, 36, 40, 50])
def test_damaged_table_is_refused(offset: int) -> None:
    at = acpi.find(b"APIC")[0] + offset
    memory.write(at, bytes([memory.read(at, 1)[0] ^ 1]))
    with pytest.raises(acpi.AcpiError, match="APIC has a wrong checksum"):
        acpi.apic_ids()


@pytest.mark.parametrize("length", [0, 35, 1 << 31])
def test_absurd_length_is_refused(length: int) -> None:
    TableHeader.at(acpi.find(b"APIC")[0]).length = length
    with pytest.raises(acpi.AcpiError, match="wrong length"):
        acpi.apic_ids()


@pytest.mark.parametrize("entry_length", [0, 1, 255])
def test_entry_of_absurd_length_is_refused(entry_length: int) -> None:
    table, length = acpi.find(b"APIC")
    entry = table + TableHeader.SIZE + 8
    memory.write(entry + 1, bytes([entry_length]))
    header = TableHeader.at(table)
    header.checksum = (header.checksum - sum(memory.read(table, length))) & 0xFF
    if entry_length == 255:
        assert length < 8 + 36 + 255
    with pytest.raises(acpi.AcpiError, match="entry"):
        acpi.apic_ids()


def test_tables_outside_ram_are_refused() -> None:
    with pytest.raises(acpi.AcpiError, match="no RAM"):
        acpi.tables(64 * MIB)
