"""The software TLB: one direct-mapped entry a page, filled by walks.

    entry, 32 bytes: tag for reading | tag for writing | tag for fetching | addend
    host address = guest address + addend

A page with decoded code has no tag for writing, so that a store to it is seen; while alignment is
checked no page has a tag for reading or writing.

Spec: AMD64 APM vol. 2, 5.5. State: the core's TLB in its CpuState; FRAME_FLAGS. Locks: none.
Context: native code, oracle.
"""

import ctypes
from typing import Final

from hw.cpu.access_faults import check_canonical, exception, page_fault
from hw.cpu.exits import EXIT_DEVICE, EXIT_SINGLE
from hw.cpu.legacy_walk import in_ram
from hw.cpu.memory_primitives import address_of, atomic_rmw, get, host_load, host_store
from hw.cpu.page_rules import RULE_ALIGNED
from hw.cpu.primitives import u64
from hw.cpu.state import NO_TAG, TLB_ENTRIES, TLB_OFFSET, CpuState
from hw.cpu.subset import noinline
from hw.cpu.tlb_banks import note_page
from hw.cpu.walker import WALK_FAULT, WALK_GLOBAL, WALK_HUGE, WALK_LARGE, WALK_WRITABLE, walk
from hw.ram import (
    FRAME_CODE_BITS,
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_VERSIONS,
    FRAME_WRITE_TAG_GIVEN,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
)
from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import MAX_CPUS
from hw.spec.paging import ACCESS_FETCH, ACCESS_USER, ACCESS_WRITE
from hw.spec.vectors import MACHINE_CHECK

#: Of an address, its page's.
PAGE_MASK: Final = ~0xFFF & (1 << 64) - 1
_INDEX_MASK: Final = (TLB_ENTRIES - 1) << 5
_LARGE_PAGE: Final = (1 << 22) - 1
_HUGE_PAGE: Final = (1 << 30) - 1
# Places in an entry.
READ_TAG: Final = 0
WRITE_TAG: Final = 8
FETCH_TAG: Final = 16
ADDEND: Final = 24
_PENDING_AT: Final = ctypes.addressof(PENDING[0])
_PENDING_STRIDE: Final = ctypes.addressof(PENDING[1]) - _PENDING_AT
_GENERATION_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("code_generation")


def entry_of(address: int) -> int:
    """Offset in CpuState of the TLB entry for a guest address."""
    return TLB_OFFSET + ((address >> 7) & _INDEX_MASK)


@noinline
def fill(s: CpuState, address: int, access: int) -> int:
    """Walk for an access and remember the result; host address of the page, or 0 with s.fault."""
    check_canonical(s, address)
    if s.fault != 0:
        return 0
    asked = access | (ACCESS_USER if s.cpl == 3 else 0)
    found = walk(s.cr3, address, asked, s.walk_rules)
    if found & WALK_FAULT != 0:
        page_fault(s, address, found & 0xFFFF)
        return 0
    frame = found & ~0xFFF
    if not in_ram(frame):
        exception(s, MACHINE_CHECK, 0)
        if s.vectors != 0:
            s.exit_reason = EXIT_DEVICE
        return 0
    _remember(s, address & PAGE_MASK, found, access)
    return DIRECT_MAP + frame


def _remember(s: CpuState, page: int, found: int, access: int) -> None:
    """Put a walk's result into the TLB; other tags of the entry stay if they are of the page."""
    frame = found & ~0xFFF
    inside = _LARGE_PAGE if found & WALK_LARGE != 0 else 0
    inside = _HUGE_PAGE if found & WALK_HUGE != 0 else inside
    note_page(s, (page >> 12) & (TLB_ENTRIES - 1), found & WALK_GLOBAL, inside)
    entry = address_of(s) + entry_of(page)
    addend = u64(DIRECT_MAP + frame - page)
    known = host_load(entry + READ_TAG, 64) == page or host_load(entry + FETCH_TAG, 64) == page
    if not known or host_load(entry + ADDEND, 64) != addend:
        host_store(entry + READ_TAG, 64, NO_TAG)
        host_store(entry + WRITE_TAG, 64, NO_TAG)
        host_store(entry + FETCH_TAG, 64, NO_TAG)
        host_store(entry + ADDEND, 64, addend)
    if access & ACCESS_FETCH != 0:
        host_store(entry + FETCH_TAG, 64, page)
    elif s.walk_rules & RULE_ALIGNED == 0:
        host_store(entry + READ_TAG, 64, page)
        if found & WALK_WRITABLE != 0 and may_give_write_tag(frame):
            host_store(entry + WRITE_TAG, 64, page)


def may_give_write_tag(frame: int) -> bool:
    """Whether stores to a frame may go unseen; noted in the frame's byte if so."""
    place = FRAME_FLAGS + (frame >> 12)
    flags = host_load(place, 8)
    if flags & (FRAME_HAS_CODE | FRAME_WRITE_TAG_GIVEN) == 0:
        flags = atomic_rmw("or", place, 8, FRAME_WRITE_TAG_GIVEN)
    return flags & FRAME_HAS_CODE == 0


@noinline
def writable_page(s: CpuState, address: int) -> int:
    """Host address of the page of a byte about to be written, or 0 with s.fault.

    A page with decoded code is written by instructions that run alone (EXIT_SINGLE), which then
    make the code stale.
    """
    page = fill(s, address, ACCESS_WRITE)
    if s.fault == 0:
        frame = page - DIRECT_MAP
        if host_load(FRAME_FLAGS + (frame >> 12), 8) & FRAME_HAS_CODE != 0:
            if s.single == 0:
                s.fault = 1
                s.exit_reason = EXIT_SINGLE
            else:
                code_written(frame)
    return page


@noinline
def code_written(frame: int) -> None:
    """Make decoded code of a frame stale and tell all cores (the native twin of ram.written)."""
    atomic_rmw("and", FRAME_FLAGS + (frame >> 12), 8, ~FRAME_CODE_BITS & 0xFF)
    atomic_rmw("add", FRAME_VERSIONS + (frame >> 12) * 4, 32, 1)
    atomic_rmw("add", _GENERATION_AT, 64, 1)
    core = 0
    while core < MAX_CPUS:
        atomic_rmw("or", _PENDING_AT + core * _PENDING_STRIDE, 64, PENDING_CODE_WRITTEN)
        core += 1


def fetch_page(s: CpuState, address: int) -> int:
    """Host address of the page of code at a guest address, or 0 with s.fault."""
    entry = entry_of(address)
    if get(s, entry + FETCH_TAG, 64) == address & PAGE_MASK:
        return u64((address & PAGE_MASK) + get(s, entry + ADDEND, 64))
    return fill(s, address, ACCESS_FETCH)
