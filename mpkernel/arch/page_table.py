"""Page tables of four levels: entries found, made, changed and walked over.

Cores set accessed and dirty bits at any time, so entries are changed by single atomic operations.
Tables are frames; who allocates and frees them is told (arch knows no allocator). A table is freed
only with the whole tree, because a core may be walking it.

    root (bits 47-39) -> (38-30) -> (29-21) -> table of 512 entries (20-12) -> frame

Spec: AMD64 APM vol. 2, 5.3.
State: RAM. Locks: the address space's, for all that change the tree. Context: any.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hw.spec.paging import (
    PTE_ACCESSED,
    PTE_FRAME_MASK,
    PTE_PRESENT,
    PTE_USER,
    PTE_WRITABLE,
)
from mpkernel.arch import memory
from mpkernel.arch.atomics import load64, store64

#: Bytes that one last-level table maps.
TABLE_SPAN: Final = 1 << 21
#: End of the user half.
USER_END: Final = 1 << 47

_TABLE_FLAGS: Final = PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED
_ROOT_SHIFT: Final = 39
_PAGE_SHIFT: Final = 12

Allocate = Callable[[], int]


def entry_at(root: int, address: int) -> int:
    """Physical address of the entry that maps a page, 0 if it has no table yet."""
    table, shift = root, _ROOT_SHIFT
    while shift > _PAGE_SHIFT:
        entry = load64(table + ((address >> shift) & 511) * 8)
        if not entry & PTE_PRESENT:
            return 0
        table = entry & PTE_FRAME_MASK
        shift -= 9
    return table + ((address >> _PAGE_SHIFT) & 511) * 8


def make_entry_at(root: int, address: int, allocate: Allocate) -> int:
    """Physical address of the entry that maps a page; missing tables come from ``allocate``.

    ``allocate`` returns a zeroed frame; what it raises goes through, and the tree stays sound.
    """
    table, shift = root, _ROOT_SHIFT
    while shift > _PAGE_SHIFT:
        place = table + ((address >> shift) & 511) * 8
        entry = load64(place)
        if not entry & PTE_PRESENT:
            entry = allocate() | _TABLE_FLAGS
            store64(place, entry)
        table = entry & PTE_FRAME_MASK
        shift -= 9
    return table + ((address >> _PAGE_SHIFT) & 511) * 8


def lookup(root: int, address: int) -> int:
    """The entry that maps a page, 0 if there is none."""
    place = entry_at(root, address)
    return load64(place) if place else 0


def map_page(root: int, address: int, frame: int, flags: int, allocate: Allocate) -> None:
    """Map one page; what was there is overwritten."""
    store64(make_entry_at(root, address, allocate), frame | flags)


def present_entries(root: int, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(page address, physical address of its entry, entry) of all pages present in [start, end).

    Each table is read as it is when the walk comes to it; the entry may change meanwhile.
    """
    return _present(root, _ROOT_SHIFT, 0, start, end)


def _present(
    table: int, shift: int, base: int, start: int, end: int
) -> Iterator[tuple[int, int, int]]:
    if start >= end:
        return
    first = max(start - base, 0) >> shift
    last = min((end - 1 - base) >> shift, 511)
    place = table + 8 * first
    address = base + (first << shift)
    for entry in memory.words(place, last - first + 1).tolist():
        if entry & PTE_PRESENT:
            if shift == _PAGE_SHIFT:
                yield address, place, entry
            else:
                yield from _present(entry & PTE_FRAME_MASK, shift - 9, address, start, end)
        address += 1 << shift
        place += 8


def free_tables(root: int, release: Callable[[int], None]) -> None:
    """Give back the frames of all tables. No core uses them any more."""
    _free(root, _ROOT_SHIFT, release)


def _free(table: int, shift: int, release: Callable[[int], None]) -> None:
    if shift > _PAGE_SHIFT:
        for entry in memory.words(table, 512).tolist():
            if entry & PTE_PRESENT:
                _free(entry & PTE_FRAME_MASK, shift - 9, release)
    release(table)
