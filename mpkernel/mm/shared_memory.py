"""Memory that processes share without a file: what MAP_SHARED | MAP_ANONYMOUS maps.

It is a page cache with no file, alive while mappings hold it.

State: RAM. Locks: none; the references are an atomic cell. Context: create and drop, any; the rest
is the page cache's.
"""

from typing import Final

from hw.spec.address import PAGE_SIZE
from hw.spec.layout import Layout, layout
from mpkernel.arch import memory
from mpkernel.mm import page_cache, slab
from mpkernel.mm.page_cache import PageCache
from mpkernel.mm.page_source import SOURCE_SHARED_MEMORY
from mpkernel.sync.refcount import Refcount


@layout()
class SharedMemory(Layout):
    """One such region."""

    cache: PageCache
    references: Refcount  #: mappings


OBJECTS: Final = slab.cache("shared_memory", SharedMemory)


class SharedMemorySource:
    """The page source of such regions."""

    async def read_page(self, owner: int, index: int, frame: int) -> None:  # noqa: ARG002
        """Begin as zeros."""
        memory.zero(frame, PAGE_SIZE)

    def hold(self, owner: int) -> None:
        """One more mapping."""
        SharedMemory.at(owner).references.get()

    def drop(self, owner: int) -> None:
        """One mapping less; the region ends with the last."""
        region = SharedMemory.at(owner)
        if region.references.put():
            page_cache.clear(region.cache)
            OBJECTS.free(owner)


def create(size: int) -> PageCache:
    """A new region of ``size`` bytes; the caller has one reference and drops it by its cache.

    Raises:
        SysError: ENOMEM.
    """
    addr = OBJECTS.alloc()
    region = SharedMemory.at(addr)
    region.cache.init(SOURCE_SHARED_MEMORY, addr)
    region.cache.size_bytes = size
    region.references.store(1)
    return region.cache
