"""Mapping, unmapping and protecting ranges of an address space, and the heap's end.

What is taken away is cleared in the tables first, then shot down once, and freed last.

State: RAM. Locks: AddressSpace.lock inside. Context: task; may sleep.
"""

from typing import Final, NamedTuple

from hw.spec.address import PAGE_SIZE, page_up
from hw.spec.paging import PTE_FRAME_MASK, PTE_NO_EXECUTE, PTE_USER, PTE_WRITABLE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.mman import (
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_MASK,
    PROT_READ,
    PROT_WRITE,
)
from mpkernel.arch import page_table, tlb_shootdown
from mpkernel.arch.atomics import store64, xchg64
from mpkernel.arch.page_table import TABLE_SPAN
from mpkernel.mm import frames, page_cache, shared_memory
from mpkernel.mm import vma as vmas
from mpkernel.mm.address_space import (
    HIGHEST,
    LOWEST,
    MMAP_TOP,
    AddressSpace,
    find_vma,
    first_vma_from,
    insert_vma,
    remove_vma,
    split_vma,
)
from mpkernel.mm.page import put_page
from mpkernel.mm.page_cache import PageCache
from mpkernel.mm.vma import VMAS, Vma, entry_flags

#: Most mappings of one address space.
MAX_VMAS: Final = 65530


class FileMapping(NamedTuple):
    """What of a file is mapped."""

    cache_phys: int  #: PageCache
    offset_bytes: int  #: byte of the file at the first address, at a page border
    may_write: bool = True  #: whether a shared mapping may be writable


async def map_region(
    space: AddressSpace,
    address: int,
    size: int,
    prot: int,
    flags: int,
    mapping: FileMapping | None = None,
) -> int:
    """Map ``size`` bytes, at ``address`` if it is not 0 (exactly there with MAP_FIXED).

    Returns the address. Nothing is read or allocated before the first access.

    Raises:
        SysError: EINVAL, ENOMEM, EEXIST, EACCES, EPERM.
    """
    size = page_up(size)
    is_fixed = bool(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
    if not 0 < size <= HIGHEST or prot & ~PROT_MASK:
        raise SysError(Errno.EINVAL if not size or prot & ~PROT_MASK else Errno.ENOMEM)
    if mapping is not None and mapping.offset_bytes % PAGE_SIZE:
        raise SysError(Errno.EINVAL)
    if is_fixed:
        _check_fixed(address, size)
    max_prot = PROT_MASK
    if mapping is not None and flags & MAP_SHARED and not mapping.may_write:
        max_prot &= ~PROT_WRITE
    if prot & ~max_prot:
        raise SysError(Errno.EACCES)
    async with space.lock.killable():
        if flags & MAP_FIXED_NOREPLACE:
            if not _is_free(space, address, size):
                raise SysError(Errno.EEXIST)
        elif is_fixed:
            _unmap_locked(space, address, address + size)
        else:
            address = _find_room(space, address, size)
        vma = _new_vma(flags, size, mapping)
        vma.tree_node.key, vma.end = address, address + size
        vma.prot, vma.max_prot = prot, max_prot
        _insert_merged(space, vma)
    return address


async def unmap_region(space: AddressSpace, address: int, size: int) -> None:
    """Unmap what is mapped in the range.

    Raises:
        SysError: EINVAL, ENOMEM.
    """
    size = page_up(size)
    if address % PAGE_SIZE or not size or not 0 <= address <= HIGHEST - size:
        raise SysError(Errno.EINVAL)
    async with space.lock.killable():
        _unmap_locked(space, address, address + size)


async def protect_region(space: AddressSpace, address: int, size: int, prot: int) -> None:
    """Change the protection of a range that is mapped without gaps.

    Raises:
        SysError: EINVAL, ENOMEM (a gap), EACCES.
    """
    size = page_up(size)
    if address % PAGE_SIZE or prot & ~PROT_MASK:
        raise SysError(Errno.EINVAL)
    end = address + size
    async with space.lock.killable():
        touched = _cover(space, address, end)
        if any(prot & ~vma.max_prot for vma in touched):
            raise SysError(Errno.EACCES)
        takes_away = False
        if touched and touched[0].start < address:
            touched[0] = split_vma(space, touched[0], address)
        if touched and touched[-1].end > end:
            split_vma(space, touched[-1], end)
        for vma in touched:
            takes_away |= _protect_pages(space, vma, prot)
            vma.prot = prot
        if takes_away:
            tlb_shootdown.flush(space.phys)


async def discard_region(space: AddressSpace, address: int, size: int) -> None:
    """Drop the pages of a range; the next access finds zeros, or the file's bytes again.

    Raises:
        SysError: EINVAL, ENOMEM (a gap).
    """
    size = page_up(size)
    if address % PAGE_SIZE:
        raise SysError(Errno.EINVAL)
    async with space.lock.killable():
        _cover(space, address, address + size)
        _zap(space, address, address + size)


async def set_brk(space: AddressSpace, new: int) -> int:
    """Move the end of the heap; returns where it is now, unchanged if ``new`` cannot be."""
    async with space.lock.killable():
        old: int = space.brk
        start: int = space.brk_start
        if new < start or new > HIGHEST:
            return old
        old_end, new_end = page_up(old), page_up(new)
        if new_end < old_end:
            _unmap_locked(space, new_end, old_end)
        elif new_end > old_end:
            if not _is_free(space, old_end, new_end - old_end):
                return old
            try:
                vma = _new_vma(MAP_PRIVATE, new_end - old_end, None)
            except SysError:
                return old
            vma.tree_node.key, vma.end = old_end, new_end
            vma.prot, vma.max_prot = PROT_READ | PROT_WRITE, PROT_MASK
            _insert_merged(space, vma)
        space.brk = new
        return new


async def remap_region(
    space: AddressSpace, address: int, old_size: int, new_size: int, *, may_move: bool
) -> int:
    """Shrink or grow a mapping, elsewhere if need be; returns its address.

    Raises:
        SysError: EINVAL, EFAULT, ENOMEM.
    """
    old_size, new_size = page_up(old_size), page_up(new_size)
    if address % PAGE_SIZE or not new_size or not old_size:
        raise SysError(Errno.EINVAL)
    async with space.lock.killable():
        vma = find_vma(space, address)
        if vma is None or vma.end < address + old_size:
            raise SysError(Errno.EFAULT)
        if new_size <= old_size:
            if new_size < old_size:
                _unmap_locked(space, address + new_size, address + old_size)
            return address
        more = new_size - old_size
        if vma.end == address + old_size and _is_free(space, vma.end, more):
            vma.end += more
            return address
        if not may_move:
            raise SysError(Errno.ENOMEM)
        target = _find_room(space, 0, new_size)
        new = vmas.copy_of(vma, address, address + old_size)
        new.tree_node.key, new.end = target, target + new_size
        try:
            _make_tables(space, target, new_size)
        except SysError:
            vmas.free(new)
            raise
        insert_vma(space, new)
        _move_pages(space, address, target, old_size)
        _unmap_locked(space, address, address + old_size)
        return target


def _check_fixed(address: int, size: int) -> None:
    if address % PAGE_SIZE:
        raise SysError(Errno.EINVAL)
    if address < LOWEST:
        raise SysError(Errno.EPERM)
    if address + size > HIGHEST:
        raise SysError(Errno.ENOMEM)


def _new_vma(flags: int, size: int, mapping: FileMapping | None) -> Vma:
    """A Vma in no list that holds its cache."""
    vma = Vma.at(VMAS.alloc())
    vma.flags = flags & (MAP_SHARED | MAP_PRIVATE)
    if mapping is not None:
        vma.offset = mapping.offset_bytes
        vma.cache = mapping.cache_phys
        page_cache.hold(PageCache.at(mapping.cache_phys))
    elif flags & MAP_SHARED:
        try:
            vma.cache = shared_memory.create(size).phys
        except SysError:
            VMAS.free(vma.phys)
            raise
    return vma


def _insert_merged(space: AddressSpace, vma: Vma) -> None:
    """List a mapping, as part of the one before it if that is alike anonymous memory."""
    if space.vma_count >= MAX_VMAS:
        vmas.free(vma)
        raise SysError(Errno.ENOMEM)
    before = find_vma(space, vma.start - 1)
    if before is not None and before.end == vma.start and _are_alike(before, vma):
        before.end = vma.end
        vmas.free(vma)
        return
    insert_vma(space, vma)


def _are_alike(one: Vma, other: Vma) -> bool:
    return (
        not one.cache
        and not other.cache
        and (one.prot, one.flags, one.max_prot) == (other.prot, other.flags, other.max_prot)
    )


def _is_free(space: AddressSpace, address: int, size: int) -> bool:
    following = first_vma_from(space, address)
    return following is None or following.start >= address + size


def _find_room(space: AddressSpace, wish: int, size: int) -> int:
    """An address for a mapping: the wish if it is free, else the highest gap that fits."""
    wish = page_up(wish)
    if LOWEST <= wish <= HIGHEST - size and _is_free(space, wish, size):
        return wish
    top = MMAP_TOP
    node = space.vmas.prev
    head = space.vmas.phys
    while node != head:
        vma = Vma.at(node - Vma.offset_of("node"))
        if vma.start < top:
            if vma.end + size <= top:
                break
            top = vma.start
        node = vma.node.prev
    if top - size < LOWEST:
        raise SysError(Errno.ENOMEM)
    return top - size


def _cover(space: AddressSpace, address: int, end: int) -> list[Vma]:
    """The mappings of a range without gaps."""
    touched = []
    here = address
    while here < end:
        vma = find_vma(space, here)
        if vma is None:
            raise SysError(Errno.ENOMEM)
        touched.append(vma)
        here = vma.end
    return touched


def _unmap_locked(space: AddressSpace, address: int, end: int) -> None:
    """Unmap a range; mappings that stick out are cut."""
    gone = []
    vma = first_vma_from(space, address)
    while vma is not None and vma.start < end:
        if vma.start < address:
            vma = split_vma(space, vma, address)
        if vma.end > end:
            split_vma(space, vma, end)
        gone.append(vma)
        vma = first_vma_from(space, vma.end)
    if gone:
        _zap(space, address, end)
    for vma in gone:
        remove_vma(space, vma)


def _zap(space: AddressSpace, address: int, end: int) -> None:
    """Clear the entries of a range, shoot down once, then give the frames back."""
    freed = [
        xchg64(place, 0) & PTE_FRAME_MASK
        for _, place, _ in page_table.present_entries(space.root, address, end)
    ]
    if not freed:
        return
    space.rss_pages -= len(freed)
    tlb_shootdown.flush(space.phys)
    for frame in freed:
        put_page(frame)


def _protect_pages(space: AddressSpace, vma: Vma, prot: int) -> bool:
    """Entries of a mapping follow its new protection; the right to write comes by a fault.

    Returns whether any right was taken away: rights that are given need no shootdown, because a
    core that finds them missing walks the tables again.
    """
    takes_away = False
    flags = entry_flags(prot)
    writable = PTE_WRITABLE if prot & PROT_WRITE else 0
    for _, place, entry in page_table.present_entries(space.root, vma.start, vma.end):
        new = (entry & PTE_FRAME_MASK) | flags | (entry & writable)
        takes_away |= bool(
            entry & ~new & (PTE_USER | PTE_WRITABLE) or new & ~entry & PTE_NO_EXECUTE
        )
        store64(place, new)
    return takes_away


def _make_tables(space: AddressSpace, address: int, size: int) -> None:
    """Make all tables of a range, so that entries can be moved into it without fail."""
    for block in range(address & ~(TABLE_SPAN - 1), address + size, TABLE_SPAN):
        page_table.make_entry_at(space.root, block, frames.alloc_zeroed_frame)


def _move_pages(space: AddressSpace, source: int, target: int, size: int) -> None:
    """Entries of a range go to another; the old range is empty and shot down afterwards."""
    for address, place, _ in page_table.present_entries(space.root, source, source + size):
        new = page_table.make_entry_at(
            space.root, address - source + target, frames.alloc_zeroed_frame
        )
        store64(new, xchg64(place, 0))
    tlb_shootdown.flush(space.phys)
