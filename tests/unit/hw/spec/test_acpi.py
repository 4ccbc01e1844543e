"""ACPI tables at the offsets of the specification's tables, which ACPICA's headers repeat."""

import pytest

from hw.spec import acpi
from hw.spec.layout import Layout

#: Offsets by ACPI 6.5: tables 5.3, 5.4, 5.19, 5.21, 5.24, 5.34, 5.66 to 5.68; HPET 1.0a 3.2.4.
OFFSETS = [
    (acpi.Rsdp, "signature 0, checksum 8, oem_id 9, revision 15, rsdt_address 16, length 20,"
     " xsdt_address 24, extended_checksum 32, reserved 33"),
    (acpi.TableHeader, "signature 0, length 4, revision 8, checksum 9, oem_id 10, oem_table_id 16,"
     " oem_revision 24, creator_id 28, creator_revision 32"),
    (acpi.MadtLocalApic, "type 0, length 1, processor_uid 2, apic_id 3, flags 4"),
    (acpi.MadtIoApic, "io_apic_id 2, address 4, gsi_base 8"),
    (acpi.MadtX2Apic, "x2apic_id 4, flags 8, processor_uid 12"),
    (acpi.McfgEntry, "address 0, segment 8, start_bus 10, end_bus 11"),
    (acpi.SratProcessor, "domain_low 2, apic_id 3, flags 4, sapic_eid 8, domain_high 9,"
     " clock_domain 12"),
    (acpi.SratMemory, "domain 2, address 8, bytes 16, flags 28"),
    (acpi.SratX2Apic, "domain 4, x2apic_id 8, flags 12, clock_domain 16"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), OFFSETS)
def test_fields_stand_where_the_specification_puts_them(kind: type[Layout], text: str):
    expected = {name: int(at) for name, at in (one.split() for one in text.split(","))}
    assert {name: kind.offset_of(name) for name in expected} == expected


def test_hpet_fields_follow_the_header():
    body = acpi.HpetBody
    at = {n: 36 + body.offset_of(n) for n in ("event_timer_block_id", "address", "minimum_tick")}
    assert at == {"event_timer_block_id": 36, "address": 44, "minimum_tick": 53}
    assert acpi.TableHeader.SIZE + body.SIZE == 56


def test_entry_types_and_lengths():
    sizes = {
        (acpi.MADT_LOCAL_APIC, acpi.MadtLocalApic): (0, 8),
        (acpi.MADT_IO_APIC, acpi.MadtIoApic): (1, 12),
        (acpi.MADT_X2APIC, acpi.MadtX2Apic): (9, 16),
        (acpi.SRAT_PROCESSOR, acpi.SratProcessor): (0, 16),
        (acpi.SRAT_MEMORY, acpi.SratMemory): (1, 40),
        (acpi.SRAT_X2APIC, acpi.SratX2Apic): (2, 24),
    }
    assert {key: (key[0], key[1].SIZE) for key in sizes} == sizes
