"""Slab caches: objects do not overlap, are zero, and misuse is noticed."""

import itertools

import pytest

from mpkernel.arch import memory
from mpkernel.mm import frames
from mpkernel.mm.slab import SlabCache
from mpkernel.panic import KernelPanic

pytestmark = pytest.mark.usefixtures("kernel")


@pytest.mark.parametrize("size", [24, 64, 200, 1000, 4096, 9000])
def test_objects_are_apart_and_zero(size: int) -> None:
    cache = SlabCache("test", size)
    objects = []
    for _ in range(3 * 4096 // size + 3):
        addr = cache.alloc()
        assert memory.read(addr, size) == bytes(size)
        memory.write(addr, b"\xaa" * size)
        objects.append(addr)
    objects.sort()
    assert all(b - a >= size for a, b in itertools.pairwise(objects))
    assert cache.in_use == len(objects)
    for addr in objects:
        cache.free(addr)
    assert cache.in_use == 0
    free = frames.free_count()
    again = [cache.alloc() for _ in objects]
    assert frames.free_count() == free
    assert all(memory.read(addr, size) == bytes(size) for addr in again)


def test_an_object_freed_twice_panics() -> None:
    cache = SlabCache("test", 100)
    addr = cache.alloc()
    cache.free(addr)
    with pytest.raises(KernelPanic, match="freed twice"):
        cache.free(addr)


def test_a_write_to_a_free_object_is_noticed() -> None:
    cache = SlabCache("test", 100)
    addr = cache.alloc()
    cache.free(addr)
    memory.write(addr, bytes(16))
    with pytest.raises(KernelPanic, match="was written to"):
        cache.alloc()
