"""Vma: a range of an address space that is mapped alike.

They are disjoint; sorted in a list, for neighbours, and in a tree by start, for look-ups.

State: RAM. Locks: AddressSpace.lock. Context: task.
"""

from typing import Annotated, Final

from hw.spec.address import PAGE_SHIFT
from hw.spec.layout import Layout, fixed, layout, u32, u64
from hw.spec.paging import (
    PTE_ACCESSED,
    PTE_NO_EXECUTE,
    PTE_PRESENT,
    PTE_USER,
)
from mpkernel.abi.mman import MAP_SHARED, PROT_EXEC
from mpkernel.collections.list import ListNode
from mpkernel.collections.rbtree import RbNode
from mpkernel.mm import page_cache, slab
from mpkernel.mm.page_cache import PageCache


@layout(size=96)
class Vma(Layout):
    """One mapping."""

    node: ListNode  #: ascending
    tree_node: RbNode  #: its key is the first address, at a page border
    end: u64  #: address after the last
    prot: u32  #: PROT_*
    flags: u32  #: MAP_SHARED or MAP_PRIVATE
    cache: u64  #: PageCache that backs it, held; 0 for anonymous memory
    offset: u64  #: byte of the file at ``start``
    max_prot: Annotated[u32, fixed]  #: what mprotect may ask for
    reserved_0x05c: u32

    @property
    def start(self) -> int:
        """First address."""
        start: int = self.tree_node.key
        return start

    @property
    def is_shared(self) -> bool:
        """Whether writes are seen by all that map it."""
        return bool(self.flags & MAP_SHARED)

    def page_index(self, address: int) -> int:
        """Page of the file that an address of the mapping shows."""
        index: int = (address - self.start + self.offset) >> PAGE_SHIFT
        return index


VMAS: Final = slab.cache("vma", Vma)


def entry_flags(prot: int) -> int:
    """Bits of a page-table entry for a protection, but for PTE_WRITABLE.

    PROT_NONE is a page that is present but not for user mode.
    """
    flags = PTE_PRESENT | PTE_ACCESSED
    if prot:
        flags |= PTE_USER
    if not prot & PROT_EXEC:
        flags |= PTE_NO_EXECUTE
    return flags


def copy_of(source: Vma, start: int, end: int) -> Vma:
    """A new Vma, in no list, for a part of ``source``; holds the cache once more.

    Raises:
        SysError: ENOMEM.
    """
    new = Vma.at(VMAS.alloc())
    new.tree_node.key, new.end = start, end
    new.prot, new.max_prot, new.flags = source.prot, source.max_prot, source.flags
    new.cache = source.cache
    new.offset = source.offset + start - source.start
    if new.cache:
        page_cache.hold(PageCache.at(new.cache))
    return new


def free(vma: Vma) -> None:
    """The end of a Vma that is in no list; drops its cache."""
    cache = vma.cache
    VMAS.free(vma.phys)
    if cache:
        page_cache.drop(PageCache.at(cache))
