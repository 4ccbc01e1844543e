"""The page-table walk as the hardware does it: four levels, PAE, two levels, none.

Why native: a TLB miss costs a walk, and the kernel's user copies walk too. The walk reads entries
as single loads and sets accessed and dirty bits by compare-and-set, so that it may race with a
kernel which changes the tables on another core.

Spec: AMD64 APM vol. 2, 5.1 to 5.6 and 8.4.2.
State: page tables in RAM. Locks: none. Context: any.
"""

from hw.cpu.legacy_walk import (
    PDPTE_RESERVED,
    WALK_AGAIN,
    WALK_FAULT,
    WALK_GLOBAL,
    WALK_HUGE,
    WALK_LARGE,
    WALK_WRITABLE,
    descend_two,
    directory_pointer,
    global_bit,
    in_ram,
)
from hw.cpu.memory_primitives import atomic_cas, host_load
from hw.cpu.page_rules import (
    RULE_NO_PAGING,
    RULE_PAE,
    RULE_TWO_LEVELS,
    denied,
    may_write,
    reserved,
    shown,
)
from hw.cpu.primitives import u32, u64
from hw.cpu.subset import noinline
from hw.spec.layout import DIRECT_MAP
from hw.spec.paging import (
    ACCESS_WRITE,
    FAULT_PRESENT,
    FAULT_RESERVED,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_FRAME_MASK,
    PTE_LARGE,
    PTE_PRESENT,
    PTE_USER,
    PTE_WRITABLE,
)

__all__ = [
    "WALK_FAULT", "WALK_GLOBAL", "WALK_HUGE", "WALK_LARGE", "WALK_WRITABLE", "walk",
]  # fmt: skip


@noinline
def walk(cr3: int, address: int, access: int, rules: int) -> int:
    """Translate: physical address of the 4 KiB page (| WALK_*), or WALK_FAULT | error code.

    ``access`` is ACCESS_* bits, ``rules`` RULE_* bits.
    """
    if rules & RULE_NO_PAGING != 0:
        return (u32(address) & ~0xFFF) | WALK_WRITABLE
    while True:
        if rules & RULE_TWO_LEVELS != 0:
            result = descend_two(cr3, address, access, rules)
        else:
            result = _descend(cr3, address, access, rules)
        if result != WALK_AGAIN:
            return result


def _descend(  # noqa: C901, PLR0911, PLR0912 the whole rule in one place
    cr3: int, address: int, access: int, rules: int
) -> int:
    """One attempt; WALK_AGAIN if an entry changed under it."""
    error = shown(access, rules)
    table = cr3 & PTE_FRAME_MASK
    shift = 39
    allowed = PTE_WRITABLE | PTE_USER
    forbidden = 0
    if rules & RULE_PAE != 0:
        entry = directory_pointer(cr3, address)
        if entry & PTE_PRESENT == 0:
            return WALK_FAULT | error
        if entry & PDPTE_RESERVED != 0:
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        table = entry & PTE_FRAME_MASK
        shift = 21
    while True:
        if not in_ram(table):
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        place = u64(DIRECT_MAP + table + ((address >> shift) & 511) * 8)
        entry = host_load(place, 64)
        if entry & PTE_PRESENT == 0:
            return WALK_FAULT | error
        leaf = shift == 12 or (shift != 39 and entry & PTE_LARGE != 0)
        if entry & reserved(shift, leaf, rules) != 0:
            return WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED | error
        allowed &= entry
        forbidden |= entry
        if leaf:
            break
        if entry & PTE_ACCESSED == 0:  # noqa: SIM102 the inner test has an effect
            if atomic_cas(place, 64, entry, entry | PTE_ACCESSED) != entry:
                return WALK_AGAIN
        table = entry & PTE_FRAME_MASK
        shift -= 9
    if denied(access, allowed, forbidden, rules):
        return WALK_FAULT | FAULT_PRESENT | error
    marked = entry | PTE_ACCESSED | (PTE_DIRTY if access & ACCESS_WRITE != 0 else 0)
    if marked != entry:  # noqa: SIM102 the inner test has an effect
        if atomic_cas(place, 64, entry, marked) != entry:
            return WALK_AGAIN
    inside = u64((1 << shift) - 1)
    page = ((entry & PTE_FRAME_MASK & ~inside) | (address & inside)) & ~0xFFF
    writable = may_write(access, allowed, rules)
    kind = 0 if shift == 12 else WALK_LARGE if shift == 21 else WALK_HUGE
    kind |= global_bit(entry, rules)
    return page | kind | (WALK_WRITABLE if writable and marked & PTE_DIRTY != 0 else 0)
