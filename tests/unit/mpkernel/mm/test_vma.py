"""Vma: what a protection is in a page-table entry, and copies that hold their file."""

import pytest

from hw.spec.paging import PTE_NO_EXECUTE, PTE_PRESENT, PTE_USER, PTE_WRITABLE
from mpkernel.abi.mman import MAP_SHARED, PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE
from mpkernel.mm import shared_memory, vma
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_SHARED_MEMORY
from mpkernel.mm.shared_memory import OBJECTS, SharedMemorySource
from mpkernel.mm.vma import VMAS, Vma

pytestmark = pytest.mark.usefixtures("kernel")

if SOURCE_SHARED_MEMORY not in PAGE_SOURCES:
    PAGE_SOURCES.add(SOURCE_SHARED_MEMORY, SharedMemorySource())


@pytest.mark.parametrize("prot", range(8))
def test_entries_allow_what_the_protection_allows_but_for_writing(prot: int) -> None:
    flags = vma.entry_flags(prot)
    assert flags & PTE_PRESENT
    assert bool(flags & PTE_USER) == (prot != PROT_NONE)
    assert bool(flags & PTE_NO_EXECUTE) == (not prot & PROT_EXEC)
    assert not flags & PTE_WRITABLE


def test_a_copy_shows_the_same_bytes_and_holds_the_file_itself() -> None:
    one = Vma.at(VMAS.alloc())
    one.tree_node.key, one.end, one.offset = 0x10000, 0x20000, 0x5000
    one.prot, one.max_prot, one.flags = PROT_READ, PROT_READ | PROT_WRITE, MAP_SHARED
    one.cache = shared_memory.create(0x20000).phys
    two = vma.copy_of(one, 0x14000, 0x18000)
    assert two.page_index(0x15000) == one.page_index(0x15000)
    assert (two.prot, two.max_prot, two.is_shared) == (one.prot, one.max_prot, True)
    vma.free(one)
    assert OBJECTS.in_use == 1
    vma.free(two)
    assert (OBJECTS.in_use, VMAS.in_use) == (0, 0)
