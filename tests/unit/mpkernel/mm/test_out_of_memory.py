"""Every allocation of fork, mmap, mremap and a fault may fail: nothing is lost and nothing leaks."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.mman import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE
from mpkernel.mm import address_space, frames, page_cache, zone
from mpkernel.mm.address_space import AddressSpace, fork_space
from mpkernel.mm.mmap import map_region, protect_region, remap_region, unmap_region
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_SHARED_MEMORY
from mpkernel.mm.shared_memory import OBJECTS, SharedMemorySource
from mpkernel.mm.slab import SlabCache
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.mm.vma import VMAS
from tests.support.kernel_cpu import KernelCpu

RW = PROT_READ | PROT_WRITE
AT = 0x40_0000
SIZE = 6 * 4096
SHARED = 0x1000_0000_0000
CACHES = (VMAS, address_space.SPACES, OBJECTS, page_cache.NODES)

if SOURCE_SHARED_MEMORY not in PAGE_SOURCES:
    PAGE_SOURCES.add(SOURCE_SHARED_MEMORY, SharedMemorySource())

Act = Callable[[AddressSpace], Coroutine[Any, Any, None]]


class Allocations:
    """Counts down to the allocation, of a frame or an object, that fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        take, alloc = zone.take, SlabCache.alloc

        def counted_take() -> int:
            self.count()
            return take()

        def counted_alloc(cache: SlabCache) -> int:
            if cache in CACHES:
                self.count()
            return alloc(cache)

        monkeypatch.setattr(zone, "take", counted_take)
        monkeypatch.setattr(SlabCache, "alloc", counted_alloc)

    def count(self) -> None:
        """One allocation."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise SysError(Errno.ENOMEM)


async def fork(space: AddressSpace) -> None:
    """Fork, and let the child go."""
    address_space.put(await fork_space(space))


async def grow(space: AddressSpace) -> None:
    """Move a mapping."""
    await map_region(space, AT + SIZE, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS)
    await remap_region(space, AT, SIZE, 1 << 22, may_move=True)


async def touch(space: AddressSpace) -> None:
    """Map and touch private and shared memory."""
    for flags in (MAP_PRIVATE, MAP_SHARED):
        at = await map_region(space, 0x7000_0000_0000, 8192, RW, flags | MAP_ANONYMOUS)
        await copy_to_user(at, b"new")
        await protect_region(space, at, 4096, PROT_READ)
        await unmap_region(space, at, 4096)


def in_use() -> tuple[int, ...]:
    """Objects handed out, of each kind."""
    return tuple(cache.in_use for cache in CACHES)


@pytest.mark.parametrize("act", [fork, grow, touch])
def test_each_allocation_may_fail(
    kernel: KernelCpu, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    allocations = Allocations(monkeypatch)
    outcomes = []
    baseline: tuple[int, ...] | None = None

    async def life(space: AddressSpace, number: int) -> None:
        await map_region(space, AT, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS)
        await map_region(space, SHARED, SIZE, RW, MAP_SHARED | MAP_ANONYMOUS)
        await copy_to_user(AT, b"p" * SIZE)
        await copy_to_user(SHARED, b"s" * SIZE)
        allocations.left = number
        try:
            await act(space)
            outcomes.append(True)
        except SysError as error:
            assert error.errno == Errno.ENOMEM
            outcomes.append(False)
        allocations.left = None
        if act is not grow or not outcomes[-1]:
            assert await copy_from_user(AT, SIZE) == b"p" * SIZE
            await copy_to_user(AT, b"q" * SIZE)
        assert await copy_from_user(SHARED, SIZE) == b"s" * SIZE

    for number in [1000, 1000, *range(60)]:
        space = address_space.create()
        kernel.address_space = space.phys
        kernel.run_one(life(space, number))
        address_space.put(space)
        now = (frames.free_count(), *in_use())
        if len(outcomes) == 2:
            baseline = now
        elif baseline is not None:
            assert now == baseline, f"allocation {number}"
    assert not outcomes[2]
    assert outcomes[-1]
