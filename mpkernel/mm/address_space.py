"""AddressSpace: what a process sees of memory: its mappings and its page tables.

Tasks hold references; the last one frees all. Who changes mappings or entries holds the lock. It is
a mutex, though faults might share it: no section of it sleeps, and readers' entries would need a
lock of their own (measured: a fault would take 4 us longer).

    user half:  0x1_0000 ... programs, heap (brk) ->      <- mmap regions ... MMAP_TOP, stack

State: RAM. Locks: AddressSpace.lock (ADDRESS_SPACE, sleeping), over PageCache.lock; references,
generation and cpus are atomic cells. Context: task.
"""

from typing import Annotated, Final

from hw.spec.address import PAGE_SIZE
from hw.spec.layout import Layout, atomic, guarded_by, layout, u64
from hw.spec.paging import PTE_FRAME_MASK, PTE_WRITABLE
from mpkernel.abi.errno import SysError
from mpkernel.arch import page_table, tlb_shootdown
from mpkernel.arch.atomics import and64, store64
from mpkernel.arch.page_table import TABLE_SPAN, USER_END
from mpkernel.arch.tlb_shootdown import TlbSpace
from mpkernel.collections.list import ListNode
from mpkernel.collections.rbtree import RbTree
from mpkernel.mm import frames, slab
from mpkernel.mm import vma as vmas
from mpkernel.mm.page import get_page, put_page
from mpkernel.mm.vma import Vma
from mpkernel.sched.mutex import Mutex
from mpkernel.sync import ranks
from mpkernel.sync.refcount import Refcount

#: Lowest and highest address that can be mapped.
LOWEST: Final = 0x1_0000
HIGHEST: Final = USER_END - PAGE_SIZE
#: mmap without a wish looks for room downwards from here; above is the stack.
MMAP_TOP: Final = 0x7FFF_F000_0000

_LIST_NODE: Final = Vma.offset_of("node")
_TREE_NODE: Final = Vma.offset_of("tree_node")


@layout()
class AddressSpace(Layout):
    """One address space."""

    tlb: TlbSpace  #: root, generation and cpus; first, so that arch finds it
    lock: Mutex
    vmas: Annotated[ListNode, guarded_by("lock")]  #: Vma, ascending
    by_start: Annotated[RbTree, guarded_by("lock")]  #: the same, as a tree
    brk_start: Annotated[u64, guarded_by("lock")]
    brk: Annotated[u64, guarded_by("lock")]
    rss_pages: Annotated[u64, guarded_by("lock")]  #: entries present
    references: Refcount
    faults: Annotated[u64, atomic]  #: page faults resolved

    @property
    def root(self) -> int:
        """Physical address of the top page table: cr3."""
        root: int = self.tlb.root
        return root

    @property
    def vma_count(self) -> int:
        """Mappings."""
        count: int = self.by_start.count
        return count


SPACES: Final = slab.cache("address_space", AddressSpace)


def create() -> AddressSpace:
    """An empty address space, with one reference.

    Raises:
        SysError: ENOMEM.
    """
    addr = SPACES.alloc()
    try:
        root = frames.alloc_zeroed_frame()
    except SysError:
        SPACES.free(addr)
        raise
    space = AddressSpace.at(addr)
    space.lock.init(ranks.ADDRESS_SPACE)
    space.vmas.init()
    space.references.store(1)
    tlb_shootdown.init_space(addr, root)
    return space


def get(space: AddressSpace) -> None:
    """One more reference."""
    space.references.get()


def put(space: AddressSpace) -> None:
    """One reference less; with the last one all memory of the space is freed."""
    if not space.references.put():
        return
    root = space.root
    for _, _, entry in page_table.present_entries(root, 0, USER_END):
        put_page(entry & PTE_FRAME_MASK)
    for vma in space.vmas.objects(Vma, "node"):
        vma.node.remove()
        vmas.free(vma)
    page_table.free_tables(root, frames.free_frame)
    SPACES.free(space.phys)


def find_vma(space: AddressSpace, address: int) -> Vma | None:
    """The mapping that holds ``address``."""
    vma = first_vma_from(space, address)
    return vma if vma is not None and vma.start <= address else None


def first_vma_from(space: AddressSpace, address: int) -> Vma | None:
    """The first mapping that ends after ``address``."""
    below = space.by_start.floor(address)
    if not below:
        return space.vmas.first(Vma, "node")
    vma = Vma.at(below - _TREE_NODE)
    if address < vma.end:
        return vma
    following: int = vma.node.next
    return None if following == space.vmas.phys else Vma.at(following - _LIST_NODE)


def insert_vma(space: AddressSpace, new: Vma) -> None:
    """List a mapping that overlaps no other."""
    below = space.by_start.floor(new.start)
    (Vma.at(below - _TREE_NODE).node if below else space.vmas).prepend(new.node)
    space.by_start.insert(new.tree_node)


def remove_vma(space: AddressSpace, vma: Vma) -> None:
    """Take a mapping off the list and free it."""
    space.by_start.remove(vma.tree_node)
    vma.node.remove()
    vmas.free(vma)


def split_vma(space: AddressSpace, vma: Vma, address: int) -> Vma:
    """Cut a mapping in two at ``address`` inside it; return the upper part.

    Raises:
        SysError: ENOMEM.
    """
    upper = vmas.copy_of(vma, address, vma.end)
    vma.end = address
    insert_vma(space, upper)
    return upper


async def fork_space(parent: AddressSpace) -> AddressSpace:
    """A copy whose private pages are shared until either side writes.

    Raises:
        SysError: ENOMEM.
    """
    child = create()
    try:
        async with parent.lock.killable():
            child.brk_start, child.brk = parent.brk_start, parent.brk
            try:
                for vma in parent.vmas.objects(Vma, "node"):
                    insert_vma(child, vmas.copy_of(vma, vma.start, vma.end))
                    _share_pages(parent, child, vma)
            finally:
                tlb_shootdown.flush(parent.phys)
    except SysError:
        put(child)
        raise
    return child


def _share_pages(parent: AddressSpace, child: AddressSpace, vma: Vma) -> None:
    """Map the pages of ``vma`` in the child; private ones are read-only on both sides from now."""
    keep = ~0 if vma.is_shared else ~PTE_WRITABLE
    block = table = -1
    for address, place, found in page_table.present_entries(parent.root, vma.start, vma.end):
        if address // TABLE_SPAN != block:
            block = address // TABLE_SPAN
            table = page_table.make_entry_at(
                child.root, block * TABLE_SPAN, frames.alloc_zeroed_frame
            )
        entry = found
        if found & PTE_WRITABLE and not vma.is_shared:
            entry = and64(place, keep & 0xFFFF_FFFF_FFFF_FFFF) & keep
        get_page(entry & PTE_FRAME_MASK)
        store64(table + ((address >> 12) & 511) * 8, entry)
        child.rss_pages += 1
