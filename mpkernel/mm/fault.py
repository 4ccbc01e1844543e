"""The page fault: what is missing is brought in, what was shared until written is copied.

    absent, anonymous   -> a zeroed frame
    absent, file        -> the page cache's frame; a copy of it for a write to a private mapping
    read-only, private  -> a copy, or made writable if nobody else has the frame

State: RAM. Locks: AddressSpace.lock, not held while a page is read from its file: afterwards the
mapping is looked up again. Context: task; may sleep.
"""

from typing import Final

from hw.spec.address import PAGE_SIZE, page_down, page_up
from hw.spec.paging import (
    FAULT_FETCH,
    FAULT_WRITE,
    PTE_DIRTY,
    PTE_FRAME_MASK,
    PTE_PRESENT,
    PTE_USER,
    PTE_WRITABLE,
)
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.mman import PROT_EXEC, PROT_WRITE
from mpkernel.arch import memory, page_table, tlb_shootdown
from mpkernel.arch.atomics import load64, store64
from mpkernel.mm import frames, page_cache
from mpkernel.mm.address_space import AddressSpace, find_vma
from mpkernel.mm.page import Page, put_page
from mpkernel.mm.page_cache import PageCache
from mpkernel.mm.vma import Vma, entry_flags
from mpkernel.trace import events

#: A fault on a file page maps its neighbours too, if they are in memory: pages in this window.
FILE_WINDOW: Final = 16 * PAGE_SIZE
#: A fault on anonymous memory brings in the pages after it up to the border of this window.
ANONYMOUS_WINDOW: Final = 4 * PAGE_SIZE


class BusError(SysError):
    """The mapping is there, its file is shorter: SIGBUS in user mode, EFAULT for the kernel."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Errno.EFAULT)


async def handle_fault(space: AddressSpace, address: int, error_code: int) -> None:
    """Make an access possible that faulted; ``error_code`` is FAULT_* bits.

    Raises:
        SysError: EFAULT (the access is not allowed), ENOMEM, EIO; BusError.
    """
    if not 0 <= address < page_table.USER_END:
        raise SysError(Errno.EFAULT)
    address = page_down(address)
    while True:
        async with space.lock.killable():
            vma = _allowed_vma(space, address, error_code)
            if _resolve(space, vma, address, is_write=bool(error_code & FAULT_WRITE)):
                space.faults += 1
                return
            cache = PageCache.at(vma.cache)
            index = vma.page_index(address)
            page_cache.hold(cache)
        events.record(events.PAGE_FAULT, address, index)
        try:
            frame = await page_cache.page(cache, index)
            put_page(frame)
        finally:
            page_cache.drop(cache)


def _allowed_vma(space: AddressSpace, address: int, error_code: int) -> Vma:
    """The mapping at ``address``, if it allows the access."""
    vma = find_vma(space, address)
    if vma is None:
        raise SysError(Errno.EFAULT)
    prot = vma.prot
    needs = (PROT_WRITE if error_code & FAULT_WRITE else 0) | (
        PROT_EXEC if error_code & FAULT_FETCH else 0
    )
    if prot & needs != needs or not prot:
        raise SysError(Errno.EFAULT)
    return vma


def _resolve(space: AddressSpace, vma: Vma, address: int, *, is_write: bool) -> bool:
    """Map the page; False if its file must be read first."""
    place = page_table.make_entry_at(space.root, address, frames.alloc_zeroed_frame)
    entry = load64(place)
    if entry & PTE_PRESENT:
        _permit(space, vma, address, place, is_write=is_write)
        return True
    if not vma.cache:
        _map_zeroed(space, vma, address, place)
        return True
    cache = PageCache.at(vma.cache)
    index = vma.page_index(address)
    if index * PAGE_SIZE >= page_up(cache.size_bytes):
        raise BusError
    frame = page_cache.find(cache, index)
    if not frame:
        return False
    flags = entry_flags(vma.prot)
    if is_write:
        flags |= PTE_WRITABLE | PTE_DIRTY
        if not vma.is_shared:
            frame = _private_copy(frame)
    store64(place, frame | flags)
    space.rss_pages += 1
    if not is_write:
        _map_around(space, vma, address, place)
    return True


def _permit(space: AddressSpace, vma: Vma, address: int, place: int, *, is_write: bool) -> None:
    """The page is there: give its entry the rights that the mapping allows."""
    entry = load64(place)
    flags = entry_flags(vma.prot) | (entry & (PTE_WRITABLE | PTE_DIRTY))
    frame = entry & PTE_FRAME_MASK
    if not is_write or entry & PTE_WRITABLE:
        store64(place, frame | flags)
        return
    flags |= PTE_WRITABLE | PTE_DIRTY
    page = Page.of(frame)
    if vma.is_shared or (not page.cache and page.references.value == 1):
        store64(place, frame | flags)
        return
    new = frames.alloc_frame()
    memory.copy(new, frame, PAGE_SIZE)
    store64(place, new | flags)
    tlb_shootdown.flush(space.phys, address)
    put_page(frame)


def _private_copy(frame: int) -> int:
    """A new frame with the bytes of a cache's frame, whose reference is put."""
    try:
        new = frames.alloc_frame()
        memory.copy(new, frame, PAGE_SIZE)
    finally:
        put_page(frame)
    return new


def _map_zeroed(space: AddressSpace, vma: Vma, address: int, place: int) -> None:
    """Fresh memory at ``address``, and behind it as far as the window and memory go."""
    flags = entry_flags(vma.prot) | (PTE_WRITABLE | PTE_DIRTY if vma.prot & PROT_WRITE else 0)
    end = min(vma.end, (address | (ANONYMOUS_WINDOW - 1)) + 1)
    count = (end - address) // PAGE_SIZE
    for index, entry in enumerate(memory.words(place, count).tolist()):
        if entry:
            continue
        try:
            frame = frames.alloc_zeroed_frame()
        except SysError:
            if index:
                return
            raise
        store64(place + 8 * index, frame | flags)
        space.rss_pages += 1


def _map_around(space: AddressSpace, vma: Vma, address: int, place: int) -> None:
    """Map the neighbours that are in memory: a program's next faults, most likely."""
    start = max(vma.start, address & ~(FILE_WINDOW - 1))
    end = min(vma.end, (address | (FILE_WINDOW - 1)) + 1)
    cache = PageCache.at(vma.cache)
    flags = entry_flags(vma.prot)
    assert flags & PTE_USER
    index = vma.page_index(start)
    place -= (address - start) // PAGE_SIZE * 8
    limit = page_up(cache.size_bytes) // PAGE_SIZE
    entries = memory.words(place, (end - start) // PAGE_SIZE).tolist()
    for step, entry in enumerate(entries):
        if entry or index + step >= limit:
            continue
        frame = page_cache.find(cache, index + step)
        if frame:
            store64(place + 8 * step, frame | flags)
            space.rss_pages += 1
