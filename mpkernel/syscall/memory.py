"""System calls of memory: brk, mmap, munmap, mprotect, mremap, madvise.

Spec: the man pages of these calls in Linux. State: none. Context: task; may sleep.
"""

from typing import Final

from hw.spec.address import PAGE_SIZE, page_up
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.mman import (
    MADV_DONTNEED,
    MADV_HUGEPAGE,
    MADV_NOHUGEPAGE,
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_WILLNEED,
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_TYPE,
    MREMAP_MAYMOVE,
)
from mpkernel.fs.file import map_cache, put_file
from mpkernel.mm import mmap as mappings
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.mmap import FileMapping
from mpkernel.proc import fd_table
from mpkernel.proc.process import Process
from mpkernel.sched.task import current

#: Advice that changes nothing but speed.
_HINTS: Final = frozenset(
    (MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE)
)
_MAX_OFFSET: Final = 1 << 63


async def brk(end: int) -> int:
    """Move the end of the heap; the answer is where it is."""
    return await mappings.set_brk(_space(), end)


async def mmap(address: int, size: int, prot: int, flags: int, fd: int, offset: int) -> int:
    """Map memory or a file."""
    kind = flags & MAP_TYPE
    if kind == MAP_SHARED_VALIDATE:
        flags = flags & ~MAP_TYPE | MAP_SHARED
    elif kind not in (MAP_SHARED, MAP_PRIVATE):
        raise SysError(Errno.EINVAL)
    if not size or offset % PAGE_SIZE:
        raise SysError(Errno.EINVAL)
    if flags & MAP_ANONYMOUS:
        return await mappings.map_region(_space(), address, size, prot, flags)
    if offset + page_up(size) > _MAX_OFFSET:
        raise SysError(Errno.EOVERFLOW)
    file = fd_table.get(fd_table.FdTable.at(Process.at(current().process).files), fd)
    try:
        if not file.can_read:
            raise SysError(Errno.EACCES)
        mapping = FileMapping(map_cache(file.node), offset, file.can_write)
        return await mappings.map_region(_space(), address, size, prot, flags, mapping)
    finally:
        put_file(file)


async def munmap(address: int, size: int) -> int:
    """Unmap a range."""
    await mappings.unmap_region(_space(), address, size)
    return 0


async def mprotect(address: int, size: int, prot: int) -> int:
    """Change the protection of a range."""
    await mappings.protect_region(_space(), address, size, prot)
    return 0


async def mremap(address: int, old_size: int, new_size: int, flags: int) -> int:
    """Resize a mapping; to a place that the caller names it does not move."""
    if flags & ~MREMAP_MAYMOVE:
        raise SysError(Errno.EINVAL)
    return await mappings.remap_region(
        _space(), address, old_size, new_size, may_move=bool(flags & MREMAP_MAYMOVE)
    )


async def madvise(address: int, size: int, advice: int) -> int:
    """Drop pages (MADV_DONTNEED); the hints of which mpkernel makes no use succeed."""
    if address % PAGE_SIZE or (advice != MADV_DONTNEED and advice not in _HINTS):
        raise SysError(Errno.EINVAL)
    if advice == MADV_DONTNEED:
        await mappings.discard_region(_space(), address, size)
    return 0


def _space() -> AddressSpace:
    return AddressSpace.at(current().address_space)
