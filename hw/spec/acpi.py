"""ACPI tables that firmware leaves in RAM: layouts of their headers and entries.

    RSDP (found through boot info) -> XSDT -> MADT, HPET, MCFG, SRAT, SLIT

Every table sums to 0 modulo 256. Spec: ACPI 6.5, 5.2; IA-PC HPET 1.0a 3.2.4; PCI Firmware 3.3.
State: none. Context: any.
"""

import ctypes
from typing import Annotated, Final

from hw.spec.layout import Layout, layout, u8, u16, u32, u64

Char4 = Annotated[bytes, ctypes.c_char * 4]
Char6 = Annotated[bytes, ctypes.c_char * 6]
Char8 = Annotated[bytes, ctypes.c_char * 8]

RSDP_SIGNATURE: Final = b"RSD PTR "


@layout(size=36, pack=1)
class Rsdp(Layout):
    """Root pointer (5.2.5.3); both checksums hold."""

    signature: Char8
    checksum: u8  #: of the first 20 bytes
    oem_id: Char6
    revision: u8  #: 2
    rsdt_address: u32
    length: u32
    xsdt_address: u64
    extended_checksum: u8  #: of all 36 bytes
    reserved: Annotated["ctypes.Array[ctypes.c_uint8]", ctypes.c_uint8 * 3]


@layout(size=36, pack=1)
class TableHeader(Layout):
    """System description table header (5.2.6)."""

    signature: Char4
    length: u32  #: bytes, this header included
    revision: u8
    checksum: u8
    oem_id: Char6
    oem_table_id: Char8
    oem_revision: u32
    creator_id: Char4
    creator_revision: u32


@layout(size=8, pack=1)
class MadtHeader(Layout):
    """What follows the header of a MADT ("APIC"); entries follow (5.2.12)."""

    local_apic_address: u32
    flags: u32  #: bit 0: 8259s present (never here)


MADT_LOCAL_APIC: Final = 0
MADT_IO_APIC: Final = 1
MADT_SOURCE_OVERRIDE: Final = 2
MADT_X2APIC: Final = 9
MADT_ENABLED: Final = 1


@layout(size=2, pack=1)
class EntryHeader(Layout):
    """Type and length of a MADT or SRAT entry."""

    type: u8
    length: u8


@layout(size=8, pack=1)
class MadtLocalApic(Layout):
    """A core with an APIC id below 255 (5.2.12.2)."""

    type: u8
    length: u8
    processor_uid: u8
    apic_id: u8
    flags: u32


@layout(size=12, pack=1)
class MadtIoApic(Layout):
    """An I/O APIC (5.2.12.3)."""

    type: u8
    length: u8
    io_apic_id: u8
    reserved_0x3: u8
    address: u32
    gsi_base: u32


@layout(size=16, pack=1)
class MadtX2Apic(Layout):
    """A core with an APIC id of 255 or more (5.2.12.12)."""

    type: u8
    length: u8
    reserved_0x2: u16
    x2apic_id: u32
    flags: u32
    processor_uid: u32


@layout(size=20, pack=1)
class HpetBody(Layout):
    """What follows the header of an HPET table."""

    event_timer_block_id: u32
    address_space: u8  #: 0: memory
    register_width: u8
    register_offset: u8
    reserved_0x7: u8
    address: u64
    hpet_number: u8
    minimum_tick: u16
    page_protection: u8


@layout(size=16, pack=1)
class McfgEntry(Layout):
    """An ECAM window; eight reserved bytes precede the first (PCI Firmware 3.3, 4.1.2)."""

    address: u64
    segment: u16
    start_bus: u8
    end_bus: u8
    reserved_0xc: u32


MCFG_RESERVED_BYTES: Final = 8
#: Reserved bytes of a SRAT before its entries.
SRAT_RESERVED_BYTES: Final = 12

SRAT_PROCESSOR: Final = 0
SRAT_MEMORY: Final = 1
SRAT_X2APIC: Final = 2
SRAT_ENABLED: Final = 1


@layout(size=16, pack=1)
class SratProcessor(Layout):
    """Node of a core with an APIC id below 255 (5.2.16.1)."""

    type: u8
    length: u8
    domain_low: u8
    apic_id: u8
    flags: u32
    sapic_eid: u8
    domain_high: Annotated["ctypes.Array[ctypes.c_uint8]", ctypes.c_uint8 * 3]
    clock_domain: u32


@layout(size=40, pack=1)
class SratMemory(Layout):
    """Node of a memory range (5.2.16.2)."""

    type: u8
    length: u8
    domain: u32
    reserved_0x6: u16
    address: u64
    bytes: u64
    reserved_0x18: u32
    flags: u32
    reserved_0x20: u64


@layout(size=24, pack=1)
class SratX2Apic(Layout):
    """Node of a core with an APIC id of 255 or more (5.2.16.3)."""

    type: u8
    length: u8
    reserved_0x2: u16
    domain: u32
    x2apic_id: u32
    flags: u32
    clock_domain: u32
    reserved_0x14: u32


#: SLIT: u64 number of nodes, then nodes * nodes bytes of distance; 10 is local.
SLIT_LOCAL: Final = 10
SLIT_REMOTE: Final = 20
