"""What firmware's tables say: CPUs, I/O APIC, HPET, where PCI configuration space is.

    boot info -> RSDP -> XSDT -> MADT "APIC" | "HPET" | "MCFG" ...

A table counts only if its length lies in RAM and its bytes sum to 0.

Spec: ACPI 6.5, 5.2. State: none; the tables are constant. Context: any.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hw.spec.acpi import (
    MADT_ENABLED,
    MADT_IO_APIC,
    MADT_LOCAL_APIC,
    MADT_X2APIC,
    MCFG_RESERVED_BYTES,
    RSDP_SIGNATURE,
    EntryHeader,
    HpetBody,
    MadtHeader,
    MadtIoApic,
    MadtLocalApic,
    MadtX2Apic,
    McfgEntry,
    Rsdp,
    TableHeader,
)
from hw.spec.boot_info import BootInfo
from hw.spec.memory_map import BOOT_INFO_BASE
from mpkernel.arch import memory

_MAX_TABLE: int = 1 << 20
_RSDP_V1_BYTES: int = 20


class AcpiError(Exception):
    """A table is damaged or absent; the text names it."""


@dataclass(frozen=True)
class IoApicInfo:
    """An I/O APIC and the first of its global interrupt numbers."""

    address: int
    gsi_base: int


def rsdp_address() -> int:
    """Where firmware says that the root pointer is."""
    address: int = BootInfo.at(BOOT_INFO_BASE).rsdp
    return address


def _sums_to_zero(address: int, size: int) -> bool:
    return not sum(memory.read(address, size)) & 0xFF


def _xsdt(rsdp: int) -> int:
    if not 0 < rsdp <= memory.ram_end() - Rsdp.SIZE:
        raise AcpiError(f"ACPI: no RAM where the root pointer should be ({rsdp:#x})")
    root = Rsdp.at(rsdp)
    if root.signature != RSDP_SIGNATURE:
        raise AcpiError("ACPI: root pointer has a wrong signature")
    if not _sums_to_zero(rsdp, _RSDP_V1_BYTES) or not _sums_to_zero(rsdp, Rsdp.SIZE):
        raise AcpiError("ACPI: root pointer has a wrong checksum")
    address: int = root.xsdt_address
    return address


def _checked(address: int, signature: bytes) -> int:
    """Length of the table at ``address``, all of it checked."""
    name = signature.decode("ascii", "replace")
    if not 0 < address <= memory.ram_end() - TableHeader.SIZE:
        raise AcpiError(f"ACPI: table {name} lies outside RAM")
    length: int = TableHeader.at(address).length
    if not TableHeader.SIZE <= length <= min(_MAX_TABLE, memory.ram_end() - address):
        raise AcpiError(f"ACPI: table {name} has a wrong length ({length})")
    if not _sums_to_zero(address, length):
        raise AcpiError(f"ACPI: table {name} has a wrong checksum")
    return length


def tables(rsdp: int | None = None) -> list[tuple[bytes, int]]:
    """Signature and address of each table that the XSDT lists.

    Raises:
        AcpiError: root pointer or XSDT are damaged.
    """
    xsdt = _xsdt(rsdp_address() if rsdp is None else rsdp)
    length = _checked(xsdt, b"XSDT")
    found = []
    for at in range(xsdt + TableHeader.SIZE, xsdt + length - 7, 8):
        address = int.from_bytes(memory.read(at, 8), "little")
        if not 0 < address <= memory.ram_end() - TableHeader.SIZE:
            raise AcpiError(f"ACPI: XSDT names a table outside RAM ({address:#x})")
        found.append((bytes(TableHeader.at(address).signature), address))
    return found


def find(signature: bytes, rsdp: int | None = None) -> tuple[int, int]:
    """Address and length of a table, checked.

    Raises:
        AcpiError: it is damaged or absent.
    """
    for name, address in tables(rsdp):
        if name == signature:
            return address, _checked(address, signature)
    raise AcpiError(f"ACPI: no table {signature.decode()}")


def _madt_entries(kind: int, size: int, rsdp: int | None) -> Iterator[int]:
    """Addresses of a MADT's entries of one kind."""
    address, length = find(b"APIC", rsdp)
    at, end = address + TableHeader.SIZE + MadtHeader.SIZE, address + length
    while at + EntryHeader.SIZE <= end:
        entry = EntryHeader.at(at)
        if entry.length < EntryHeader.SIZE or at + entry.length > end:
            raise AcpiError("ACPI: MADT has an entry of a wrong length")
        if entry.type == kind and entry.length >= size:
            yield at
        at += entry.length


def apic_ids(rsdp: int | None = None) -> list[int]:
    """APIC ids of the CPUs that can be started, as the MADT lists them."""
    local = (MadtLocalApic.at(at) for at in _madt_entries(MADT_LOCAL_APIC, 8, rsdp))
    wide = (MadtX2Apic.at(at) for at in _madt_entries(MADT_X2APIC, 16, rsdp))
    return [one.apic_id for one in local if one.flags & MADT_ENABLED] + [
        one.x2apic_id for one in wide if one.flags & MADT_ENABLED
    ]


def io_apics(rsdp: int | None = None) -> list[IoApicInfo]:
    """The I/O APICs."""
    entries = (MadtIoApic.at(at) for at in _madt_entries(MADT_IO_APIC, MadtIoApic.SIZE, rsdp))
    return [IoApicInfo(one.address, one.gsi_base) for one in entries]


def hpet_address(rsdp: int | None = None) -> int:
    """Physical address of the HPET's registers."""
    address, length = find(b"HPET", rsdp)
    if length < TableHeader.SIZE + HpetBody.SIZE:
        raise AcpiError("ACPI: table HPET is too short")
    registers: int = HpetBody.at(address + TableHeader.SIZE).address
    return registers


def ecam_windows(rsdp: int | None = None) -> list[McfgEntry]:
    """Where the configuration space of PCI buses is."""
    address, length = find(b"MCFG", rsdp)
    first = address + TableHeader.SIZE + MCFG_RESERVED_BYTES
    return [
        McfgEntry.at(at)
        for at in range(first, address + length - McfgEntry.SIZE + 1, McfgEntry.SIZE)
    ]
