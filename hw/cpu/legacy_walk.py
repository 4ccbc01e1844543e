"""The page-table walks of legacy mode: two levels of 32-bit entries, and the top of PAE's three.

Spec: AMD64 APM vol. 2, 5.2. State: page tables in RAM. Locks: none. Context: any.
"""

import ctypes
from typing import Final

from hw.cpu.memory_primitives import atomic_cas, host_load
from hw.cpu.page_rules import RULE_GLOBAL, RULE_PSE, denied, may_write, shown
from hw.cpu.subset import noinline
from hw.ram import HEADER
from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import HIGH_RAM_BASE, LOW_RAM_LIMIT
from hw.spec.paging import (
    ACCESS_WRITE,
    FAULT_PRESENT,
    FAULT_RESERVED,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_GLOBAL,
    PTE_LARGE,
    PTE_PRESENT,
    PTE_RESERVED,
    PTE_USER,
    PTE_WRITABLE,
)

#: Set in the result of a walk that ended in a page fault; the low bits are the error code.
WALK_FAULT: Final = 1 << 63
#: Set beside the page's address when the page may be written without another walk.
WALK_WRITABLE: Final = 1 << 1
#: Set when the page is a part of a large one (2 or 4 MiB), or of one of 1 GiB.
WALK_LARGE: Final = 1 << 2
WALK_HUGE: Final = 1 << 3
#: Set when the page is the same in all address spaces.
WALK_GLOBAL: Final = 1 << 4
#: An entry changed under the walk.
WALK_AGAIN: Final = 1 << 62
#: Reserved in a PAE directory-pointer entry.
PDPTE_RESERVED: Final = PTE_RESERVED | 0xFFF0_0000_0000_01E6
#: In a two-level entry of a large page bit 21 is reserved, bits 13 to 20 are address bits 32 to 39.
_PSE_RESERVED: Final = 1 << 21
_PSE_HIGH: Final = 0x1F_E000

#: Host address of the word that says where RAM ends.
_RAM_END_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("ram_end")


def in_ram(address: int) -> bool:
    """Whether a physical address is RAM: below its end, and not where devices are."""
    below = address < LOW_RAM_LIMIT or address >= HIGH_RAM_BASE
    return below and address < host_load(_RAM_END_AT, 64)


def global_bit(entry: int, rules: int) -> int:
    """WALK_GLOBAL if a leaf entry says so and counts."""
    return WALK_GLOBAL if rules & RULE_GLOBAL != 0 and entry & PTE_GLOBAL != 0 else 0


@noinline
def descend_two(cr3: int, address: int, access: int, rules: int) -> int:  # noqa: PLR0911
    """One attempt through two levels of 32-bit entries; WALK_AGAIN if an entry changed under it."""
    error = shown(access, rules)
    table = cr3 & 0xFFFF_F000
    shift = 22
    allowed = PTE_WRITABLE | PTE_USER
    while True:
        if not in_ram(table):
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
                return WALK_AGAIN
        table = entry & 0xFFFF_F000
        shift = 12
    if denied(access, allowed, 0, rules):
        return WALK_FAULT | FAULT_PRESENT | error
    marked = entry | PTE_ACCESSED | (PTE_DIRTY if access & ACCESS_WRITE != 0 else 0)
    if marked != entry:  # noqa: SIM102 the inner test has an effect
        if atomic_cas(place, 32, entry, marked) != entry:
            return WALK_AGAIN
    page = entry & 0xFFFF_F000
    kind = 0
    if large:
        page = (entry & 0xFFC0_0000) | (address & 0x3F_F000) | ((entry & _PSE_HIGH) << 19)
        kind = WALK_LARGE
    kind |= global_bit(entry, rules)
    writable = may_write(access, allowed, rules)
    return page | kind | (WALK_WRITABLE if writable and marked & PTE_DIRTY != 0 else 0)


def directory_pointer(cr3: int, address: int) -> int:
    """The PAE directory-pointer entry of an address; not present outside RAM."""
    table = cr3 & 0xFFFF_FFE0
    if not in_ram(table):
        return 0
    return host_load(DIRECT_MAP + table + ((address >> 30) & 3) * 8, 64)
