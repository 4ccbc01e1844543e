"""Shared memory lives as long as it is mapped."""

from mpkernel.mm import frames, page_cache, shared_memory
from mpkernel.mm.page import put_page
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_SHARED_MEMORY
from mpkernel.mm.shared_memory import OBJECTS, SharedMemorySource
from tests.support.kernel_cpu import KernelCpu

if SOURCE_SHARED_MEMORY not in PAGE_SOURCES:
    PAGE_SOURCES.add(SOURCE_SHARED_MEMORY, SharedMemorySource())


def test_the_last_mapping_frees_the_pages(kernel: KernelCpu) -> None:
    cache = shared_memory.create(8192)
    put_page(kernel.run_one(page_cache.page(cache, 0)))
    before = frames.free_count()
    put_page(kernel.run_one(page_cache.page(cache, 1)))
    page_cache.hold(cache)
    page_cache.drop(cache)
    assert OBJECTS.in_use == 1
    assert page_cache.cached_pages() == 2
    page_cache.drop(cache)
    assert OBJECTS.in_use == 0
    assert page_cache.cached_pages() == 0
    assert frames.free_count() >= before
