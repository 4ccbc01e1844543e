"""Accesses to guest memory that the TLB does not answer: they fill it, cross pages, or fault.

An access happens as a whole, or faults before any byte is written.

Spec: AMD64 APM vol. 2, 5.3. State: CpuState, RAM. Locks: none. Context: native code, oracle.
"""

from hw.cpu.access_faults import check_alignment, check_span
from hw.cpu.memory_primitives import host_load, host_store
from hw.cpu.page_rules import RULE_ALIGNED
from hw.cpu.primitives import u64
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.cpu.tlb import PAGE_MASK, fill, writable_page
from hw.spec.paging import ACCESS_READ


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
    second = fill(s, u64(address + size - 1) & PAGE_MASK, ACCESS_READ)
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
    second = writable_page(s, u64(address + size - 1) & PAGE_MASK)
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
    second = writable_page(s, u64(address + size - 1) & PAGE_MASK)
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
