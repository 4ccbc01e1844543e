"""The page-table walk as the hardware does it: four levels, PAE, two levels, none.

Why native: a TLB miss costs a walk, and the kernel's user copies walk too. The walk reads entries
as single loads and sets accessed and dirty bits by compare-and-set, so that it may race with a
kernel which changes the tables on another core.

Spec: AMD64 APM vol. 2, 5.1 to 5.6 and 8.4.2.
State: page tables in RAM. Locks: none. Context: any.
"""

import ctypes
from typing import Final

from hw.cpu.primitives import atomic_cas, host_load, u32, u64
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

#: What CR0, CR4, EFER and RFLAGS.AC mean for a walk (``CpuState.walk_rules``).
RULE_WP: Final = 1 << 0  #: the supervisor may not write read-only pages
RULE_NX: Final = 1 << 1  #: no-execute bits count
RULE_SMEP: Final = 1 << 2  #: the supervisor may not fetch from user pages
RULE_SMAP: Final = 1 << 3  #: the supervisor may not touch user pages now
RULE_NO_PAGING: Final = 1 << 4
RULE_PAE: Final = 1 << 5  #: three levels, legacy mode
RULE_TWO_LEVELS: Final = 1 << 6
RULE_PSE: Final = 1 << 7  #: two levels: pages of 4 MiB exist

#: Reserved in a PAE directory-pointer entry; in PAE entries of legacy mode beside the usual ones;
#: in a two-level entry of a large page, whose bits 13 to 20 are address bits 32 to 39.
_PDPTE_RESERVED: Final = PTE_RESERVED | 0xFFF0_0000_0000_01E6
_PAE_RESERVED: Final = 0x7FF0_0000_0000_0000
_PSE_RESERVED: Final = 1 << 21
_PSE_HIGH: Final = 0x1F_E000

#: Host address of the word that says where RAM ends.
RAM_END_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("ram_end")


@noinline
def walk(cr3: int, address: int, access: int, rules: int) -> int:
    """Translate: physical address of the 4 KiB page (| WALK_*), or WALK_FAULT | error code.

    ``access`` is ACCESS_* bits, ``rules`` RULE_* bits.
    """
    if rules & RULE_NO_PAGING != 0:
        return (u32(address) & ~0xFFF) | WALK_WRITABLE
    while True:
        if rules & RULE_TWO_LEVELS != 0:
            result = _descend_two(cr3, address, access, rules)
        else:
            result = _descend(cr3, address, access, rules)
        if result != _AGAIN:
            return result


def _descend(  # noqa: C901, PLR0911, PLR0912 the whole rule in one place
    cr3: int, address: int, access: int, rules: int
) -> int:
    """One attempt; _AGAIN if an entry changed under it."""
    error = _shown(access, rules)
    table = cr3 & PTE_FRAME_MASK
    shift = 39
    allowed = PTE_WRITABLE | PTE_USER
    forbidden = 0
    if rules & RULE_PAE != 0:
        entry = _directory_pointer(cr3, address)
        if entry & PTE_PRESENT == 0:
            return WALK_FAULT | error
        if entry & _PDPTE_RESERVED != 0:
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        table = entry & PTE_FRAME_MASK
        shift = 21
    while True:
        if table >= host_load(RAM_END_AT, 64):
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        place = u64(DIRECT_MAP + table + ((address >> shift) & 511) * 8)
        entry = host_load(place, 64)
        if entry & PTE_PRESENT == 0:
            return WALK_FAULT | error
        leaf = shift == 12 or (shift != 39 and entry & PTE_LARGE != 0)
        if entry & _reserved(shift, leaf, rules) != 0:
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
    if _denied(access, allowed, forbidden, rules):
        return WALK_FAULT | FAULT_PRESENT | error
    marked = entry | PTE_ACCESSED | (PTE_DIRTY if access & ACCESS_WRITE != 0 else 0)
    if marked != entry:  # noqa: SIM102 the inner test has an effect
        if atomic_cas(place, 64, entry, marked) != entry:
            return _AGAIN
    inside = u64((1 << shift) - 1)
    page = ((entry & PTE_FRAME_MASK & ~inside) | (address & inside)) & ~0xFFF
    writable = _may_write(access, allowed, rules)
    kind = WALK_LARGE if shift != 12 else 0
    return page | kind | (WALK_WRITABLE if writable and marked & PTE_DIRTY != 0 else 0)


@noinline
def _descend_two(cr3: int, address: int, access: int, rules: int) -> int:  # noqa: PLR0911
    """One attempt through two levels of 32-bit entries; _AGAIN if an entry changed under it."""
    error = _shown(access, rules)
    table = cr3 & 0xFFFF_F000
    shift = 22
    allowed = PTE_WRITABLE | PTE_USER
    while True:
        if table >= host_load(RAM_END_AT, 64):
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        place = DIRECT_MAP + table + ((address >> shift) & 1023) * 4
        entry = host_load(place, 32)
        if entry & PTE_PRESENT == 0:
            return WALK_FAULT | error
        large = shift == 22 and rules & RULE_PSE != 0 and entry & PTE_LARGE != 0
        if large and entry & _PSE_RESERVED != 0:
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        allowed &= entry
        if large or shift == 12:
            break
        if entry & PTE_ACCESSED == 0:  # noqa: SIM102 the inner test has an effect
            if atomic_cas(place, 32, entry, entry | PTE_ACCESSED) != entry:
                return _AGAIN
        table = entry & 0xFFFF_F000
        shift = 12
    if _denied(access, allowed, 0, rules):
        return WALK_FAULT | FAULT_PRESENT | error
    marked = entry | PTE_ACCESSED | (PTE_DIRTY if access & ACCESS_WRITE != 0 else 0)
    if marked != entry:  # noqa: SIM102 the inner test has an effect
        if atomic_cas(place, 32, entry, marked) != entry:
            return _AGAIN
    page = entry & 0xFFFF_F000
    kind = 0
    if large:
        page = (entry & 0xFFC0_0000) | (address & 0x3F_F000) | ((entry & _PSE_HIGH) << 19)
        kind = WALK_LARGE
    writable = _may_write(access, allowed, rules)
    return page | kind | (WALK_WRITABLE if writable and marked & PTE_DIRTY != 0 else 0)


def _directory_pointer(cr3: int, address: int) -> int:
    """The PAE directory-pointer entry of an address; not present outside RAM."""
    table = cr3 & 0xFFFF_FFE0
    if table >= host_load(RAM_END_AT, 64):
        return 0
    return host_load(DIRECT_MAP + table + ((address >> 30) & 3) * 8, 64)


def _shown(access: int, rules: int) -> int:
    """The access as the error code tells it: fetches only where a fetch can be refused."""
    return access if rules & (RULE_NX | RULE_SMEP) != 0 else access & ~ACCESS_FETCH


def _reserved(shift: int, leaf: bool, rules: int) -> int:
    """Bits that must be zero in an entry of this level."""
    always = PTE_RESERVED | (0 if rules & RULE_NX != 0 else PTE_NO_EXECUTE)
    legacy = _PAE_RESERVED if rules & RULE_PAE != 0 else 0
    top = PTE_LARGE if shift == 39 else 0
    large = ((1 << shift) - 1) & ~0x1FFF & PTE_FRAME_MASK if leaf and shift != 12 else 0
    return always | legacy | top | large


def _may_write(access: int, allowed: int, rules: int) -> bool:
    """Whether whoever made this access may write the page."""
    return allowed & PTE_WRITABLE != 0 or (access & ACCESS_USER == 0 and rules & RULE_WP == 0)


def _denied(access: int, allowed: int, forbidden: int, rules: int) -> bool:
    """Whether a present mapping refuses the access."""
    user = access & ACCESS_USER != 0
    fetch = access & ACCESS_FETCH != 0
    no_user = user and allowed & PTE_USER == 0
    no_write = access & ACCESS_WRITE != 0 and not _may_write(access, allowed, rules)
    no_fetch = fetch and rules & RULE_NX != 0 and forbidden & PTE_NO_EXECUTE != 0
    apart = RULE_SMEP if fetch else RULE_SMAP
    no_supervisor = not user and rules & apart != 0 and allowed & PTE_USER != 0
    return no_user or no_write or no_fetch or no_supervisor
