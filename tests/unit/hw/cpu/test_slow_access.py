"""Accesses beside the fast path, as plain Python: whole, at any place, or not at all."""

import pytest

from hw.cpu.exits import EXIT_PAGE_FAULT
from hw.cpu.slow_access import (
    load_slow,
    load_wide_slow,
    store_slow,
    store_wide_slow,
    update_slow,
)
from hw.cpu.state import CpuState
from hw.spec.paging import PTE_PRESENT, PTE_USER
from tests.differential.guest import DATA_FRAMES, Guest
from tests.differential.host import DATA, DATA_SIZE

SIZES = (1, 2, 4, 8)
BYTES = bytes(n * 7 & 0xFF for n in range(DATA_SIZE))
READ_ONLY = 0x7000_1000


@pytest.fixture
def s(guest: Guest) -> CpuState:
    """A core's state; below READ_ONLY is a page that may be written."""
    guest.map(READ_ONLY - 4096, DATA_FRAMES, 4096)
    guest.map(READ_ONLY, DATA_FRAMES + 4096, 4096, PTE_PRESENT | PTE_USER)
    guest.core.flush_tlb()
    guest.core.state.fault = 0
    guest.put_data(BYTES)
    return guest.core.state


@pytest.mark.parametrize("size", SIZES)
def test_loads_and_stores_at_all_places_around_a_border(s: CpuState, guest: Guest, size: int):
    for offset in range(4096 - size - 1, 4096 + 2):
        at = DATA + offset
        expected = int.from_bytes(BYTES[offset : offset + size], "little")
        assert load_slow(s, at, size) == update_slow(s, at, size) == expected
        value = 0x8877_6655_4433_2211 & (1 << 8 * size) - 1
        store_slow(s, at, size, value)
        assert s.fault == 0
        want = BYTES[:offset] + value.to_bytes(size, "little") + BYTES[offset + size :]
        assert guest.data() == want
        guest.put_data(BYTES)


def test_sixteen_bytes_across_a_border(s: CpuState, guest: Guest):
    for offset in range(4096 - 17, 4096 + 2):
        lower, upper = load_wide_slow(s, DATA + offset)
        assert (lower | upper << 64).to_bytes(16, "little") == BYTES[offset : offset + 16]
        store_wide_slow(s, DATA + offset, upper, lower)
        assert guest.data()[offset : offset + 8] == BYTES[offset + 8 : offset + 16]
        guest.put_data(BYTES)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_store_whose_second_page_refuses_writes_nothing(s: CpuState, guest: Guest, size: int):
    store_slow(s, READ_ONLY - 1, size, 0)
    assert (s.fault, s.exit_reason, s.cr2, s.exit_error) == (1, EXIT_PAGE_FAULT, READ_ONLY, 7)
    s.fault = 0
    update_slow(s, READ_ONLY - 1, size)
    assert s.fault == 1, "what is written next must be allowed now"
    assert guest.data() == BYTES


def test_sixteen_bytes_whose_second_page_refuses_are_not_written(s: CpuState, guest: Guest):
    store_wide_slow(s, READ_ONLY - 8, 0, 0)
    assert (s.fault, s.cr2) == (1, READ_ONLY)
    assert guest.data() == BYTES
