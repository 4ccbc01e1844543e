"""Guest memory as instructions see it: loads and stores through the software TLB, exact faults.

This is the fast path, inlined into every handler: one comparison checks the tag and that the access
stays inside its page, because size - 1 is added before masking. The rest is hw.cpu.slow_access.

Spec: AMD64 APM vol. 2, 5.3. State: the core's TLB in its CpuState. Locks: none.
Context: native code, oracle.
"""

from hw.cpu.control import leave_fault
from hw.cpu.memory_primitives import get, host_load, host_store
from hw.cpu.primitives import likely, u64, wide
from hw.cpu.slow_access import load_slow, load_wide_slow, store_slow, store_wide_slow, update_slow
from hw.cpu.state import CpuState
from hw.cpu.tlb import ADDEND, PAGE_MASK, READ_TAG, WRITE_TAG, entry_of, fill, writable_page
from hw.cpu.vector_primitives import host_load128, host_store128
from hw.spec.paging import ACCESS_READ


def load(s: CpuState, address: int, bits: int) -> int:
    """Read guest memory; ends the instruction with a fault if that is not allowed."""
    entry = entry_of(address)
    if likely(get(s, entry + READ_TAG, 64) == u64(address + bits // 8 - 1) & PAGE_MASK):
        return host_load(u64(address + get(s, entry + ADDEND, 64)), bits)
    value = load_slow(s, address, bits // 8)
    if s.fault != 0:
        leave_fault()
    return value


def store(s: CpuState, address: int, bits: int, value: int) -> None:
    """Write guest memory; ends the instruction with a fault before any byte is written."""
    entry = entry_of(address)
    if likely(get(s, entry + WRITE_TAG, 64) == u64(address + bits // 8 - 1) & PAGE_MASK):
        host_store(u64(address + get(s, entry + ADDEND, 64)), bits, value)
    else:
        store_slow(s, address, bits // 8, value)
        if s.fault != 0:
            leave_fault()


def load_for_update(s: CpuState, address: int, bits: int) -> int:
    """Read guest memory that the same instruction writes next: faults as a write does."""
    entry = entry_of(address)
    if likely(get(s, entry + WRITE_TAG, 64) == u64(address + bits // 8 - 1) & PAGE_MASK):
        return host_load(u64(address + get(s, entry + ADDEND, 64)), bits)
    value = update_slow(s, address, bits // 8)
    if s.fault != 0:
        leave_fault()
    return value


def load_wide(s: CpuState, address: int) -> int:
    """Read sixteen bytes of guest memory, in one access where they are in one page."""
    entry = entry_of(address)
    if likely(get(s, entry + READ_TAG, 64) == u64(address + 15) & PAGE_MASK):
        return host_load128(u64(address + get(s, entry + ADDEND, 64)))
    lower, upper = load_wide_slow(s, address)
    if s.fault != 0:
        leave_fault()
    return wide(lower) | wide(upper) << 64


def store_wide(s: CpuState, address: int, value: int) -> None:
    """Write sixteen bytes of guest memory; both ends are checked before the first is written."""
    entry = entry_of(address)
    if likely(get(s, entry + WRITE_TAG, 64) == u64(address + 15) & PAGE_MASK):
        host_store128(u64(address + get(s, entry + ADDEND, 64)), value)
    else:
        store_wide_slow(s, address, u64(value), u64(value >> 64))
        if s.fault != 0:
            leave_fault()


def host_address_for_write(s: CpuState, address: int) -> int:
    """Host address of a guest byte that may be written; its page is the limit."""
    entry = entry_of(address)
    if likely(get(s, entry + WRITE_TAG, 64) == address & PAGE_MASK):
        return u64(address + get(s, entry + ADDEND, 64))
    page = writable_page(s, address)
    if s.fault != 0:
        leave_fault()
    return u64(page + (address & 0xFFF))


def host_address_for_read(s: CpuState, address: int) -> int:
    """Host address of a guest byte that may be read; its page is the limit."""
    entry = entry_of(address)
    if likely(get(s, entry + READ_TAG, 64) == address & PAGE_MASK):
        return u64(address + get(s, entry + ADDEND, 64))
    page = fill(s, address, ACCESS_READ)
    if s.fault != 0:
        leave_fault()
    return u64(page + (address & 0xFFF))
