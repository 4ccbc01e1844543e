"""Each range has its model, and between them there is nothing."""

import pytest

from hw.bus import mmio
from hw.spec import memory_map as where
from hw.spec.apic import LAPIC_ID, LAPIC_VERSION
from hw.spec.hpet import HPET_CAPABILITIES_VALUE

pytestmark = pytest.mark.usefixtures("board")


def test_each_core_sees_its_own_local_apic():
    ids = [mmio.read(core, where.LOCAL_APIC_BASE + LAPIC_ID, 4) for core in range(4)]
    assert ids == [core << 24 for core in range(4)]


def test_models():
    assert mmio.read(0, where.HPET_BASE, 8) == HPET_CAPABILITIES_VALUE
    assert mmio.read(0, where.HPET_BASE, 4) == HPET_CAPABILITIES_VALUE & 0xFFFF_FFFF
    assert mmio.read(0, where.ECAM_BASE, 2) == 0x8086
    assert mmio.read(0, where.LOCAL_APIC_BASE + LAPIC_VERSION, 4) & 0xFF == 0x14


@pytest.mark.parametrize("address", [0xFEC1_0000, 0xFED1_0000, 0xFFFF_0000, where.PCI_WINDOW_BASE])
@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_nothing_reads_as_ones_and_takes_writes(address: int, size: int):
    mmio.write(0, address, size, 0)
    assert mmio.read(0, address, size) == (1 << 8 * size) - 1
