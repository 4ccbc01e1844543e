"""Guest memory as instructions see it: loads and stores through the software TLB, exact faults.

The fast path is inline: one comparison checks the tag and that the access stays inside its page,
because size - 1 is added before masking. A page with decoded code simply has no write tag, and
while alignment is checked none is tagged for reading or writing. Every access either happens as a
whole or faults before any byte is written.

Spec: AMD64 APM vol. 2, 5.3; a page with code: hw.cpu.code_cache.
State: the core's TLB in its CpuState; FRAME_FLAGS. Locks: none. Context: native code, oracle.
"""

import ctypes
from typing import Final

from hw.cpu.control import leave_fault
from hw.cpu.exits import (
    EXIT_DEVICE,
    EXIT_EXCEPTION,
    EXIT_NON_CANONICAL,
    EXIT_PAGE_FAULT,
    EXIT_SINGLE,
)
from hw.cpu.legacy_walk import in_ram
from hw.cpu.page_rules import RULE_ALIGNED
from hw.cpu.primitives import (
    address_of,
    atomic_rmw,
    get,
    host_load,
    host_store,
    likely,
    sext,
    u64,
    wide,
)
from hw.cpu.state import NO_TAG, TLB_ENTRIES, TLB_OFFSET, CpuState
from hw.cpu.subset import noinline
from hw.cpu.tlb_banks import note_page
from hw.cpu.vector_primitives import host_load128, host_store128
from hw.cpu.walker import (
    WALK_FAULT,
    WALK_GLOBAL,
    WALK_HUGE,
    WALK_LARGE,
    WALK_WRITABLE,
    walk,
)
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
from hw.spec.paging import ACCESS_FETCH, ACCESS_READ, ACCESS_USER, ACCESS_WRITE
from hw.spec.vectors import ALIGNMENT_CHECK, MACHINE_CHECK

_PAGE: Final = ~0xFFF & (1 << 64) - 1
_INDEX_MASK: Final = (TLB_ENTRIES - 1) << 5
_LARGE_PAGE: Final = (1 << 22) - 1
_HUGE_PAGE: Final = (1 << 30) - 1
_READ_TAG: Final = 0
_WRITE_TAG: Final = 8
FETCH_TAG: Final = 16
ADDEND: Final = 24
_PENDING_AT: Final = ctypes.addressof(PENDING[0])
_PENDING_STRIDE: Final = ctypes.addressof(PENDING[1]) - _PENDING_AT
_GENERATION_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("code_generation")


def entry_of(address: int) -> int:
    """Offset in CpuState of the TLB entry for a guest address."""
    return TLB_OFFSET + ((address >> 7) & _INDEX_MASK)


def load(s: CpuState, address: int, bits: int) -> int:
    """Read guest memory; ends the instruction with a fault if that is not allowed."""
    entry = entry_of(address)
    if likely(get(s, entry + _READ_TAG, 64) == u64(address + bits // 8 - 1) & _PAGE):
        return host_load(u64(address + get(s, entry + ADDEND, 64)), bits)
    value = load_slow(s, address, bits // 8)
    if s.fault != 0:
        leave_fault()
    return value


def store(s: CpuState, address: int, bits: int, value: int) -> None:
    """Write guest memory; ends the instruction with a fault before any byte is written."""
    entry = entry_of(address)
    if likely(get(s, entry + _WRITE_TAG, 64) == u64(address + bits // 8 - 1) & _PAGE):
        host_store(u64(address + get(s, entry + ADDEND, 64)), bits, value)
    else:
        store_slow(s, address, bits // 8, value)
        if s.fault != 0:
            leave_fault()


def load_for_update(s: CpuState, address: int, bits: int) -> int:
    """Read guest memory that the same instruction writes next: faults as a write does."""
    entry = entry_of(address)
    if likely(get(s, entry + _WRITE_TAG, 64) == u64(address + bits // 8 - 1) & _PAGE):
        return host_load(u64(address + get(s, entry + ADDEND, 64)), bits)
    value = update_slow(s, address, bits // 8)
    if s.fault != 0:
        leave_fault()
    return value


def load_wide(s: CpuState, address: int) -> int:
    """Read sixteen bytes of guest memory, in one access where they are in one page."""
    entry = entry_of(address)
    if likely(get(s, entry + _READ_TAG, 64) == u64(address + 15) & _PAGE):
        return host_load128(u64(address + get(s, entry + ADDEND, 64)))
    lower, upper = load_wide_slow(s, address)
    if s.fault != 0:
        leave_fault()
    return wide(lower) | wide(upper) << 64


def store_wide(s: CpuState, address: int, value: int) -> None:
    """Write sixteen bytes of guest memory; both ends are checked before the first is written."""
    entry = entry_of(address)
    if likely(get(s, entry + _WRITE_TAG, 64) == u64(address + 15) & _PAGE):
        host_store128(u64(address + get(s, entry + ADDEND, 64)), value)
    else:
        store_wide_slow(s, address, u64(value), u64(value >> 64))
        if s.fault != 0:
            leave_fault()


def host_address_for_write(s: CpuState, address: int) -> int:
    """Host address of a guest byte that may be written; its page is the limit."""
    entry = entry_of(address)
    if likely(get(s, entry + _WRITE_TAG, 64) == address & _PAGE):
        return u64(address + get(s, entry + ADDEND, 64))
    page = writable_page(s, address)
    if s.fault != 0:
        leave_fault()
    return u64(page + (address & 0xFFF))


def host_address_for_read(s: CpuState, address: int) -> int:
    """Host address of a guest byte that may be read; its page is the limit."""
    entry = entry_of(address)
    if likely(get(s, entry + _READ_TAG, 64) == address & _PAGE):
        return u64(address + get(s, entry + ADDEND, 64))
    page = fill(s, address, ACCESS_READ)
    if s.fault != 0:
        leave_fault()
    return u64(page + (address & 0xFFF))


def page_fault(s: CpuState, address: int, error: int) -> None:
    """Note a page fault; the access returns and the instruction ends."""
    s.fault = 1
    s.exit_reason = EXIT_PAGE_FAULT
    s.cr2 = address
    s.exit_error = error


def exception(s: CpuState, vector: int, error: int) -> None:
    """Note an exception of the instruction at hand."""
    s.fault = 1
    s.exit_reason = EXIT_EXCEPTION
    s.exit_vector = vector
    s.exit_error = error


def check_canonical(s: CpuState, address: int) -> None:
    """Note the exception of an address that is not canonical."""
    if sext(address, 48) != address:
        s.fault = 1
        s.exit_reason = EXIT_NON_CANONICAL


def check_span(s: CpuState, address: int, size: int) -> None:
    """Check the last byte's address first: it outranks a page fault of the first."""
    if (address & 0xFFF) + size > 4096:
        check_canonical(s, u64(address + size - 1))


def check_alignment(s: CpuState, address: int, size: int) -> None:
    """Note #AC where CR0.AM and RFLAGS.AC ask for it; a page fault outranks it."""
    misaligned = address & (size - 1) != 0 and s.walk_rules & RULE_ALIGNED != 0
    if misaligned and s.fault == 0:
        exception(s, ALIGNMENT_CHECK, 0)


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
    _remember(s, address & _PAGE, found, access)
    return DIRECT_MAP + frame


def _remember(s: CpuState, page: int, found: int, access: int) -> None:
    """Put a walk's result into the TLB; other tags of the entry stay if they are of the page."""
    frame = found & ~0xFFF
    inside = _LARGE_PAGE if found & WALK_LARGE != 0 else 0
    inside = _HUGE_PAGE if found & WALK_HUGE != 0 else inside
    note_page(s, (page >> 12) & (TLB_ENTRIES - 1), found & WALK_GLOBAL, inside)
    entry = address_of(s) + entry_of(page)
    addend = u64(DIRECT_MAP + frame - page)
    known = host_load(entry + _READ_TAG, 64) == page or host_load(entry + FETCH_TAG, 64) == page
    if not known or host_load(entry + ADDEND, 64) != addend:
        host_store(entry + _READ_TAG, 64, NO_TAG)
        host_store(entry + _WRITE_TAG, 64, NO_TAG)
        host_store(entry + FETCH_TAG, 64, NO_TAG)
        host_store(entry + ADDEND, 64, addend)
    if access & ACCESS_FETCH != 0:
        host_store(entry + FETCH_TAG, 64, page)
    elif s.walk_rules & RULE_ALIGNED == 0:
        host_store(entry + _READ_TAG, 64, page)
        if found & WALK_WRITABLE != 0 and may_give_write_tag(frame):
            host_store(entry + _WRITE_TAG, 64, page)


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


def _load_sized(host: int, size: int) -> int:
    if size == 8:
        return host_load(host, 64)
    if size == 4:
        return host_load(host, 32)
    if size == 2:
        return host_load(host, 16)
    return host_load(host, 8)


def _store_sized(host: int, size: int, value: int) -> None:
    if size == 8:
        host_store(host, 64, value)
    elif size == 4:
        host_store(host, 32, value)
    elif size == 2:
        host_store(host, 16, value)
    else:
        host_store(host, 8, value)


def _load_split(first: int, second: int, offset: int, size: int) -> int:
    """Assemble a value from the end of one host page and the start of another."""
    value = 0
    done = 0
    while done < size:
        inside = offset + done
        host = first + inside if inside < 4096 else second + inside - 4096
        value |= host_load(host, 8) << (8 * done)
        done += 1
    return value


@noinline
def load_slow(s: CpuState, address: int, size: int) -> int:
    """``load`` after a TLB miss, across a page border, or while alignment is checked."""
    value = load_anywhere(s, address, size)
    check_alignment(s, address, size)
    return value


@noinline
def load_anywhere(s: CpuState, address: int, size: int) -> int:
    """``load_slow`` of an operand that need not be aligned."""
    offset = address & 0xFFF
    check_span(s, address, size)
    if s.fault != 0:
        return 0
    first = fill(s, address, ACCESS_READ)
    if s.fault != 0:
        return 0
    if offset + size <= 4096:
        return _load_sized(first + offset, size)
    second = fill(s, u64(address + size - 1) & _PAGE, ACCESS_READ)
    if s.fault != 0:
        return 0
    return _load_split(first, second, offset, size)


@noinline
def update_slow(s: CpuState, address: int, size: int) -> int:
    """``load_for_update`` after a TLB miss, across a page border, or while alignment is checked."""
    value = update_anywhere(s, address, size)
    check_alignment(s, address, size)
    return value


@noinline
def update_anywhere(s: CpuState, address: int, size: int) -> int:
    """``update_slow`` of an operand that need not be aligned."""
    offset = address & 0xFFF
    check_span(s, address, size)
    if s.fault != 0:
        return 0
    first = writable_page(s, address)
    if s.fault != 0:
        return 0
    if offset + size <= 4096:
        return _load_sized(first + offset, size)
    second = writable_page(s, u64(address + size - 1) & _PAGE)
    if s.fault != 0:
        return 0
    return _load_split(first, second, offset, size)


@noinline
def store_slow(s: CpuState, address: int, size: int, value: int) -> None:
    """``store`` after a TLB miss, across a page border, or while alignment is checked."""
    if s.walk_rules & RULE_ALIGNED != 0:
        update_slow(s, address, size)
    if s.fault == 0:
        store_anywhere(s, address, size, value)


@noinline
def store_anywhere(s: CpuState, address: int, size: int, value: int) -> None:
    """``store_slow`` of an operand that need not be aligned."""
    offset = address & 0xFFF
    check_span(s, address, size)
    if s.fault != 0:
        return
    first = writable_page(s, address)
    if s.fault != 0:
        return
    if offset + size <= 4096:
        _store_sized(first + offset, size, value)
        return
    second = writable_page(s, u64(address + size - 1) & _PAGE)
    if s.fault != 0:
        return
    done = 0
    while done < size:
        inside = offset + done
        host = first + inside if inside < 4096 else second + inside - 4096
        host_store(host, 8, value >> (8 * done))
        done += 1


@noinline
def load_wide_slow(s: CpuState, address: int) -> tuple[int, int]:
    """``load_wide`` in all other cases: its two halves. Sixteen bytes raise no #AC."""
    lower = load_anywhere(s, address, 8)
    if s.fault != 0:
        return 0, 0
    upper = load_anywhere(s, u64(address + 8), 8)
    return lower, upper


@noinline
def store_wide_slow(s: CpuState, address: int, lower: int, upper: int) -> None:
    """``store_wide`` in all other cases."""
    update_anywhere(s, address, 8)
    if s.fault == 0:
        update_anywhere(s, u64(address + 8), 8)
    if s.fault == 0:
        store_anywhere(s, address, 8, lower)
        store_anywhere(s, u64(address + 8), 8, upper)


def fetch_page(s: CpuState, address: int) -> int:
    """Host address of the page of code at a guest address, or 0 with s.fault."""
    entry = entry_of(address)
    if get(s, entry + FETCH_TAG, 64) == address & _PAGE:
        return u64((address & _PAGE) + get(s, entry + ADDEND, 64))
    return fill(s, address, ACCESS_FETCH)
