"""The software TLB: what a walk leaves in it, and which accesses may use that."""

import pytest

from hw import ram
from hw.cpu.exits import EXIT_PAGE_FAULT, EXIT_SINGLE
from hw.cpu.memory_primitives import get
from hw.cpu.state import NO_TAG, CpuState
from hw.cpu.tlb import (
    ADDEND,
    FETCH_TAG,
    READ_TAG,
    WRITE_TAG,
    entry_of,
    fetch_page,
    fill,
    writable_page,
)
from hw.ram import FRAME_FLAGS, FRAME_HAS_CODE
from hw.spec.layout import DIRECT_MAP
from hw.spec.paging import ACCESS_READ, ACCESS_WRITE, PTE_PRESENT, PTE_USER
from tests.differential.guest import DATA_FRAMES, Guest
from tests.differential.host import DATA

READ_ONLY = 0x7000_0000


@pytest.fixture
def s(guest: Guest) -> CpuState:
    """A core's state with nothing in its TLB; a page of the data is mapped once more, read-only."""
    guest.map(READ_ONLY, DATA_FRAMES, 4096, PTE_PRESENT | PTE_USER)
    guest.core.flush_tlb()
    guest.core.state.fault = 0
    return guest.core.state


def tags(s: CpuState, address: int) -> list[bool]:
    """Whether the page may be read, written, fetched without a walk."""
    entry = entry_of(address)
    found = [get(s, entry + tag, 64) for tag in (READ_TAG, WRITE_TAG, FETCH_TAG)]
    assert set(found) <= {address & ~0xFFF, NO_TAG}
    return [tag != NO_TAG for tag in found]


def test_a_read_a_write_and_a_fetch_leave_their_tags(s: CpuState):
    address = DATA + 0x123
    assert tags(s, address) == [False, False, False]
    assert fill(s, address, ACCESS_READ) == DIRECT_MAP + DATA_FRAMES
    assert tags(s, address) == [True, False, False], "a clean page is walked once more when written"
    assert fill(s, address, ACCESS_WRITE) == DIRECT_MAP + DATA_FRAMES
    assert tags(s, address) == [True, True, False]
    assert fetch_page(s, address) == DIRECT_MAP + DATA_FRAMES
    assert tags(s, address) == [True, True, True]
    host = address + get(s, entry_of(address) + ADDEND, 64) & (1 << 64) - 1
    assert host == DIRECT_MAP + DATA_FRAMES + 0x123


def test_a_refused_access_leaves_nothing(s: CpuState):
    assert writable_page(s, READ_ONLY + 8) == 0
    assert (s.fault, s.exit_reason, s.cr2) == (1, EXIT_PAGE_FAULT, READ_ONLY + 8)
    assert s.exit_error == 7, "present, write, user"
    assert tags(s, READ_ONLY) == [False, False, False]
    s.fault = 0
    fill(s, READ_ONLY, ACCESS_READ)
    assert tags(s, READ_ONLY) == [True, False, False]


def test_a_page_with_code_is_never_tagged_for_writing(s: CpuState):
    flags = FRAME_FLAGS + (DATA_FRAMES >> 12)
    ram.atomics.or8_at(flags, FRAME_HAS_CODE)
    fill(s, DATA, ACCESS_WRITE)
    assert tags(s, DATA) == [True, False, False]
    writable_page(s, DATA)
    assert s.exit_reason == EXIT_SINGLE, "the instruction is to run alone"


def test_pages_a_table_apart_push_each_other_out(s: CpuState, guest: Guest):
    other = DATA + (1024 << 12)
    assert entry_of(other) == entry_of(DATA)
    guest.map(other, DATA_FRAMES + 4096, 4096)
    fill(s, DATA, ACCESS_WRITE)
    assert fill(s, other, ACCESS_READ) == DIRECT_MAP + DATA_FRAMES + 4096
    assert tags(s, other) == [True, False, False], "no tag of the page before is left"
