"""The memory map: no two things at one address, and RAM that goes around the hole."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.spec import apic, board_registers, hpet
from hw.spec import memory_map as here
from hw.spec.memory_map import GIB, LOW_RAM_LIMIT, MAX_RAM, MIB, MIN_RAM

DEVICES = [
    (here.ECAM_BASE, here.ECAM_SIZE),
    (here.PCI_WINDOW_BASE, here.PCI_WINDOW_SIZE),
    (here.IO_APIC_BASE, apic.IO_APIC_SIZE),
    (here.HPET_BASE, hpet.HPET_SIZE),
    (here.BOARD_REGISTERS_BASE, board_registers.BOARD_REGISTERS_SIZE),
    (here.LOCAL_APIC_BASE, apic.LAPIC_PAGE_SIZE),
]
SIZES = st.integers(MIN_RAM >> 12, MAX_RAM >> 12).map(lambda pages: pages << 12)


def overlapping(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges (start, end) that begin before the one below them has ended."""
    ordered = sorted(ranges)
    return [b for a, b in pairwise(ordered) if b[0] < a[1]]


@given(SIZES)
def test_ram_is_all_there_and_touches_no_device(size: int):
    ranges = here.ram_ranges(size)
    assert sum(end - start for start, end in ranges) == size
    assert ranges[0][0] == 0
    assert here.ram_end(size) == ranges[-1][1]
    assert not overlapping([*ranges, *((base, base + size) for base, size in DEVICES)])


@pytest.mark.parametrize(
    ("size", "end"),
    [
        (MIN_RAM, 16 * MIB),
        (LOW_RAM_LIMIT, LOW_RAM_LIMIT),
        (LOW_RAM_LIMIT + 4096, 4 * GIB + 4096),
        (4 * GIB, 4 * GIB + 4 * GIB - LOW_RAM_LIMIT),
    ],
)
def test_end_of_ram_at_the_borders_of_the_hole(size: int, end: int):
    assert here.ram_end(size) == end


def test_what_firmware_and_kernel_have_fits_the_smallest_machine():
    low = [
        (here.BOOT_INFO_BASE, here.BOOT_INFO_BASE + here.BOOT_INFO_SIZE),
        (here.FIRMWARE_BASE, here.FIRMWARE_BASE + here.FIRMWARE_SIZE),
        (here.KERNEL_DATA_BASE, here.KERNEL_DATA_BASE + here.KERNEL_DATA_SIZE),
    ]
    assert not overlapping([(0, 4096), *low])
    assert low[-1][1] <= MIN_RAM


def test_addresses_that_every_operating_system_expects():
    assert (here.IO_APIC_BASE, here.HPET_BASE) == (0xFEC0_0000, 0xFED0_0000)
    assert here.LOCAL_APIC_BASE == 0xFEE0_0000 == apic.MSI_ADDRESS_BASE
