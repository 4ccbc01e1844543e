"""ACPI tables written into RAM: RSDP, XSDT, MADT, HPET, MCFG, SRAT, SLIT.

Spec: ACPI 6.5, 5.2. State: RAM at FIRMWARE_BASE, constant once the first core runs.
Locks: none. Context: the launcher, before the fork.
"""

from dataclasses import dataclass
from typing import Final

from hw import ram
from hw.spec.acpi import (
    MADT_ENABLED,
    MADT_IO_APIC,
    MADT_LOCAL_APIC,
    MADT_X2APIC,
    MCFG_RESERVED_BYTES,
    RSDP_SIGNATURE,
    SLIT_LOCAL,
    SLIT_REMOTE,
    SRAT_ENABLED,
    SRAT_MEMORY,
    SRAT_PROCESSOR,
    SRAT_RESERVED_BYTES,
    SRAT_X2APIC,
    HpetBody,
    MadtHeader,
    MadtIoApic,
    MadtLocalApic,
    MadtX2Apic,
    McfgEntry,
    Rsdp,
    SratMemory,
    SratProcessor,
    SratX2Apic,
    TableHeader,
)
from hw.spec.hpet import HPET_CAPABILITIES_VALUE
from hw.spec.memory_map import (
    ECAM_BASE,
    FIRMWARE_BASE,
    FIRMWARE_SIZE,
    HPET_BASE,
    IO_APIC_BASE,
    LOCAL_APIC_BASE,
)

_OEM: Final = b"MPKRNL"
_OEM_TABLE: Final = b"MPKBOARD"
#: Ids from here on need x2APIC entries.
_FIRST_X2APIC_ID: Final = 255


@dataclass(frozen=True)
class CpuEntry:
    """A core as the tables name it."""

    apic_id: int
    node: int


@dataclass(frozen=True)
class MemoryEntry:
    """A range of RAM [start, end) and its node."""

    start: int
    end: int
    node: int


def checksum(data: bytes) -> int:
    """Return the byte that makes the sum 0."""
    return -sum(data) & 0xFF


def table(signature: bytes, revision: int, body: bytes) -> bytes:
    """Return a whole table: header with checksum, then the body."""
    header = TableHeader(
        signature=signature,
        length=TableHeader.SIZE + len(body),
        revision=revision,
        oem_id=_OEM,
        oem_table_id=_OEM_TABLE,
        oem_revision=1,
        creator_id=b"MPKN",
        creator_revision=1,
    )
    header.checksum = checksum(bytes(header) + body)
    return bytes(header) + body


def madt(cpus: list[CpuEntry]) -> bytes:
    """Return the table of cores and interrupt controllers."""
    body = bytes(MadtHeader(LOCAL_APIC_BASE, 0))
    for uid, cpu in enumerate(cpus):
        if cpu.apic_id < _FIRST_X2APIC_ID:
            body += bytes(
                MadtLocalApic(MADT_LOCAL_APIC, MadtLocalApic.SIZE, uid, cpu.apic_id, MADT_ENABLED)
            )
        else:
            body += bytes(
                MadtX2Apic(MADT_X2APIC, MadtX2Apic.SIZE, 0, cpu.apic_id, MADT_ENABLED, uid)
            )
    body += bytes(MadtIoApic(MADT_IO_APIC, MadtIoApic.SIZE, 0, 0, IO_APIC_BASE, 0))
    return table(b"APIC", 5, body)


def hpet() -> bytes:
    """Return the table that says where the HPET is."""
    return table(
        b"HPET",
        1,
        bytes(
            HpetBody(
                event_timer_block_id=HPET_CAPABILITIES_VALUE & 0xFFFF_FFFF,
                register_width=64,
                address=HPET_BASE,
                minimum_tick=100,
            )
        ),
    )


def mcfg() -> bytes:
    """Return the table that says where PCI configuration space is."""
    return table(b"MCFG", 1, bytes(MCFG_RESERVED_BYTES) + bytes(McfgEntry(ECAM_BASE, 0, 0, 255, 0)))


def srat(cpus: list[CpuEntry], memory: list[MemoryEntry]) -> bytes:
    """Return the table of which node cores and memory belong to."""
    body = (1).to_bytes(4, "little") + bytes(SRAT_RESERVED_BYTES - 4)
    for cpu in cpus:
        if cpu.apic_id < _FIRST_X2APIC_ID:
            entry = SratProcessor(SRAT_PROCESSOR, SratProcessor.SIZE, cpu.node, cpu.apic_id)
            entry.flags = SRAT_ENABLED
            body += bytes(entry)
        else:
            body += bytes(
                SratX2Apic(SRAT_X2APIC, SratX2Apic.SIZE, 0, cpu.node, cpu.apic_id, SRAT_ENABLED)
            )
    for part in memory:
        body += bytes(
            SratMemory(
                type=SRAT_MEMORY,
                length=SratMemory.SIZE,
                domain=part.node,
                address=part.start,
                bytes=part.end - part.start,
                flags=SRAT_ENABLED,
            )
        )
    return table(b"SRAT", 3, body)


def slit(nodes: int) -> bytes:
    """Return the table of distances between nodes."""
    distances = bytes(
        SLIT_LOCAL if row == column else SLIT_REMOTE
        for row in range(nodes)
        for column in range(nodes)
    )
    return table(b"SLIT", 1, nodes.to_bytes(8, "little") + distances)


def write(cpus: list[CpuEntry], memory: list[MemoryEntry], nodes: int) -> int:
    """Write all tables into RAM; return the physical address of the RSDP."""
    tables = [madt(cpus), hpet(), mcfg(), srat(cpus, memory), slit(nodes)]
    at = FIRMWARE_BASE + 64
    pointers = b""
    for data in tables:
        ram.write(at, data)
        pointers += at.to_bytes(8, "little")
        at = (at + len(data) + 15) & ~15
    xsdt = table(b"XSDT", 1, pointers)
    ram.write(at, xsdt)
    assert at + len(xsdt) <= FIRMWARE_BASE + FIRMWARE_SIZE, "firmware tables do not fit"
    rsdp = Rsdp(
        signature=RSDP_SIGNATURE, oem_id=_OEM, revision=2, length=Rsdp.SIZE, xsdt_address=at
    )
    rsdp.checksum = checksum(bytes(rsdp)[:20])
    rsdp.extended_checksum = checksum(bytes(rsdp))
    ram.write(FIRMWARE_BASE, bytes(rsdp))
    return FIRMWARE_BASE
