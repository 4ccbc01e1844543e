"""The page-table walk of four levels, as the hardware does it.

Why native: a TLB miss costs a walk, and the kernel's user copies walk too. The walk reads entries
as single loads and sets accessed and dirty bits by compare-and-set, so that it may race with a
kernel which changes the tables on another core.

Spec: AMD64 APM vol. 2, 5.3 and 8.4.2.
State: page tables in RAM. Locks: none. Context: any.
"""

import ctypes
from typing import Final

from hw.cpu.primitives import atomic_cas, host_load, u64
from hw.cpu.subset import noinline
from hw.ram import HEADER
from hw.spec.layout import DIRECT_MAP
from hw.spec.paging import (
    ACCESS_FETCH,
    ACCESS_USER,
    ACCESS_WRITE,
    FAULT_PRESENT,
    FAULT_RESERVED,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_FRAME_MASK,
    PTE_LARGE,
    PTE_NO_EXECUTE,
    PTE_PRESENT,
    PTE_RESERVED,
    PTE_USER,
    PTE_WRITABLE,
)

#: Set in the result of a walk that ended in a page fault; the low bits are the error code.
WALK_FAULT: Final = 1 << 63
#: Set beside the page's address when the page may be written without another walk.
WALK_WRITABLE: Final = 1 << 1
#: Set when the page is a part of a large one.
WALK_LARGE: Final = 1 << 2
_AGAIN: Final = 1 << 62

#: Host address of the word that says where RAM ends.
RAM_END_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("ram_end")


@noinline
def walk(cr3: int, address: int, access: int, nx: int, wp: int) -> int:
    """Translate: physical address of the 4 KiB page (| WALK_*), or WALK_FAULT | error code.

    ``access`` is ACCESS_* bits, ``nx`` is EFER.NXE, ``wp`` is CR0.WP (0 or 1).
    """
    while True:
        result = _descend(cr3, address, access, nx, wp)
        if result != _AGAIN:
            return result


def _descend(cr3: int, address: int, access: int, nx: int, wp: int) -> int:  # noqa: PLR0911
    """One attempt; _AGAIN if an entry changed under it."""
    error = access if nx != 0 else access & ~ACCESS_FETCH
    table = cr3 & PTE_FRAME_MASK
    shift = 39
    allowed = PTE_WRITABLE | PTE_USER
    forbidden = 0
    while True:
        if table >= host_load(RAM_END_AT, 64):
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        place = u64(DIRECT_MAP + table + ((address >> shift) & 511) * 8)
        entry = host_load(place, 64)
        if entry & PTE_PRESENT == 0:
            return WALK_FAULT | error
        leaf = shift == 12 or (shift != 39 and entry & PTE_LARGE != 0)
        if entry & _reserved(shift, leaf, nx) != 0:
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        allowed &= entry
        forbidden |= entry
        if leaf:
            break
        if entry & PTE_ACCESSED == 0:  # noqa: SIM102 the inner test has an effect
            if atomic_cas(place, 64, entry, entry | PTE_ACCESSED) != entry:
                return _AGAIN
        table = entry & PTE_FRAME_MASK
        shift -= 9
    if _denied(access, allowed, forbidden, nx, wp):
        return WALK_FAULT | FAULT_PRESENT | error
    marked = entry | PTE_ACCESSED | (PTE_DIRTY if access & ACCESS_WRITE != 0 else 0)
    if marked != entry:  # noqa: SIM102 the inner test has an effect
        if atomic_cas(place, 64, entry, marked) != entry:
            return _AGAIN
    inside = u64((1 << shift) - 1)
    page = ((entry & PTE_FRAME_MASK & ~inside) | (address & inside)) & ~0xFFF
    writable = allowed & PTE_WRITABLE != 0 or (access & ACCESS_USER == 0 and wp == 0)
    kind = WALK_LARGE if shift != 12 else 0
    return page | kind | (WALK_WRITABLE if writable and marked & PTE_DIRTY != 0 else 0)


def _reserved(shift: int, leaf: bool, nx: int) -> int:
    """Bits that must be zero in an entry of this level."""
    always = PTE_RESERVED | (0 if nx != 0 else PTE_NO_EXECUTE)
    top = PTE_LARGE if shift == 39 else 0
    large = ((1 << shift) - 1) & ~0x1FFF & PTE_FRAME_MASK if leaf and shift != 12 else 0
    return always | top | large


def _denied(access: int, allowed: int, forbidden: int, nx: int, wp: int) -> bool:
    """Whether a present mapping refuses the access."""
    user = access & ACCESS_USER != 0
    no_user = user and allowed & PTE_USER == 0
    no_write = access & ACCESS_WRITE != 0 and allowed & PTE_WRITABLE == 0 and (user or wp != 0)
    no_fetch = access & ACCESS_FETCH != 0 and nx != 0 and forbidden & PTE_NO_EXECUTE != 0
    return no_user or no_write or no_fetch
