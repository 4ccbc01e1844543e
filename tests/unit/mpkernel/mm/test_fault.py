"""Page faults, mappings and user copies, against what mmap(2) and fork(2) promise."""

from typing import TYPE_CHECKING, Any

import pytest

from hw.cpu import user_copy
from hw.spec.paging import FAULT_FETCH, FAULT_USER, FAULT_WRITE
from mpkernel.abi.errno import SysError
from mpkernel.abi.mman import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_EXEC,
    PROT_NONE,
    PROT_READ,
    PROT_WRITE,
)
from mpkernel.arch import page_table
from mpkernel.mm import address_space, frames, page_cache
from mpkernel.mm.address_space import AddressSpace, fork_space
from mpkernel.mm.fault import BusError, handle_fault
from mpkernel.mm.mmap import (
    FileMapping,
    discard_region,
    map_region,
    protect_region,
    remap_region,
    set_brk,
    unmap_region,
)
from mpkernel.mm.page_cache import PageCache
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_NONE, SOURCE_SHARED_MEMORY
from mpkernel.mm.shared_memory import SharedMemorySource
from mpkernel.mm.slab import SlabCache
from mpkernel.mm.user_memory import (
    copy_from_space,
    copy_from_user,
    copy_to_space,
    copy_to_user,
    get_u64,
    put_u64,
    read_cstring,
)
from tests.support.kernel_cpu import KernelCpu, take_all

if TYPE_CHECKING:
    from collections.abc import Coroutine

RW = PROT_READ | PROT_WRITE
ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS
CACHES = SlabCache("test_cache", PageCache.SIZE)
HELD: list[int] = []


class CountedSource:
    """An owner that lives as long as the test; counts who holds it."""

    async def read_page(self, owner: int, index: int, frame: int) -> None:
        raise AssertionError((owner, index, frame))

    def hold(self, owner: int) -> None:
        HELD.append(owner)

    def drop(self, owner: int) -> None:
        HELD.remove(owner)


if SOURCE_NONE not in PAGE_SOURCES:
    PAGE_SOURCES.add(SOURCE_NONE, CountedSource())
if SOURCE_SHARED_MEMORY not in PAGE_SOURCES:
    PAGE_SOURCES.add(SOURCE_SHARED_MEMORY, SharedMemorySource())


@pytest.fixture
def space(kernel: KernelCpu) -> AddressSpace:
    HELD.clear()
    space = address_space.create()
    kernel.address_space = space.phys
    return space


def new_file(kernel: KernelCpu, data: bytes) -> PageCache:
    cache = PageCache.at(CACHES.alloc())
    cache.init(SOURCE_NONE, cache.phys)
    kernel.run_one(page_cache.write(cache, 0, data))
    return cache


def test_anonymous_memory_is_zero_and_keeps_what_is_written(
    kernel: KernelCpu, space: AddressSpace
) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 10000, RW, ANONYMOUS)
        assert await copy_from_user(at, 12288) == bytes(12288)
        await copy_to_user(at + 4090, b"over the border")
        assert await copy_from_user(at + 4090, 15) == b"over the border"
        await put_u64(at + 8, -2)
        assert await get_u64(at + 8) == (1 << 64) - 2
        with pytest.raises(SysError, match="EFAULT"):
            await copy_from_user(at + 12287, 2)
        with pytest.raises(SysError, match="EFAULT"):
            await copy_to_user((1 << 47) - 1, b"xx")

    kernel.run_one(body())


@pytest.mark.feature("D9")
def test_nothing_stays_when_the_space_goes(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 1 << 20, RW, ANONYMOUS)
        await copy_to_user(at, b"x" * (1 << 20))
        far = await map_region(space, 0x10_0000_0000, 8192, RW, ANONYMOUS | MAP_FIXED)
        await copy_to_user(far, b"y")
        child = await fork_space(space)
        await copy_to_space(child, at, b"z" * 5000)
        address_space.put(child)

    kernel.run_one(body())
    address_space.put(space)
    before = frames.free_count()
    kernel.address_space = (new := address_space.create()).phys
    space = new
    kernel.run_one(body())
    address_space.put(new)
    assert frames.free_count() == before


@pytest.mark.feature("D6")
def test_protections_are_enforced(kernel: KernelCpu, space: AddressSpace) -> None:
    async def refused(address: int, access: int) -> bool:
        try:
            await handle_fault(space, address, FAULT_USER | access)
        except SysError:
            return True
        return False

    async def body() -> None:
        for prot, read, write, fetch in (
            (PROT_READ, False, True, True),
            (RW, False, False, True),
            (PROT_READ | PROT_EXEC, False, True, False),
            (PROT_NONE, True, True, True),
        ):
            at = await map_region(space, 0, 4096, prot, ANONYMOUS)
            assert await refused(at, 0) == read
            assert await refused(at, FAULT_WRITE) == write
            assert await refused(at, FAULT_FETCH) == fetch
            flags = 4 | (2 if not write else 0) | (16 if not fetch else 0)
            found = user_copy.translate(space.root, at, flags) >> 63
            assert found == int(prot == PROT_NONE)
        assert await refused(0x5000, 0)
        assert await refused(1 << 63, 0)

    kernel.run_one(body())


def test_fork_copies_on_write_on_both_sides(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 3 * 4096, RW, ANONYMOUS)
        shared = await map_region(space, 0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS)
        await copy_to_user(at, b"a" * 3 * 4096)
        await copy_to_user(shared, b"together")
        child = await fork_space(space)
        before = frames.free_count()
        assert await copy_from_space(child, at, 3 * 4096) == b"a" * 3 * 4096
        assert frames.free_count() == before, "reading must not copy"
        await copy_to_user(at, b"parent")
        await copy_to_space(child, at + 4096, b"child")
        assert (await copy_from_user(at, 6), await copy_from_space(child, at, 6)) == (
            b"parent",
            b"aaaaaa",
        )
        assert (await copy_from_user(at + 4096, 5), await copy_from_space(child, at + 4096, 5)) == (
            b"aaaaa",
            b"child",
        )
        await copy_to_space(child, shared, b"changed!")
        assert await copy_from_user(shared, 8) == b"changed!"
        used = frames.free_count()
        address_space.put(child)
        await copy_to_user(at + 2 * 4096, b"last user")
        assert frames.free_count() >= used, "the only user of a frame copies it"

    kernel.run_one(body())


def test_private_file_pages_are_shared_until_written(
    kernel: KernelCpu, space: AddressSpace
) -> None:
    cache = new_file(kernel, bytes(range(256)) * 33)  # two pages and a part

    async def body() -> None:
        mapping = FileMapping(cache.phys, 0)
        one = await map_region(space, 0, 4 * 4096, RW, MAP_PRIVATE, mapping)
        two = await map_region(space, 0, 4096, RW, MAP_SHARED, FileMapping(cache.phys, 4096))
        assert await copy_from_user(one, 8448) == bytes(range(256)) * 33
        assert await copy_from_user(one + 8448, 100) == bytes(100)
        await copy_to_user(one + 4096, b"mine")
        assert await copy_from_user(two, 4) == bytes(range(4))
        await copy_to_user(two, b"file")
        assert await page_cache.read(cache, 4096, 4) == b"file"
        assert await copy_from_user(one + 4096, 4) == b"mine"
        with pytest.raises(BusError):
            await handle_fault(space, one + 3 * 4096, FAULT_USER)
        assert len(HELD) == 2
        await unmap_region(space, one + 4096, 4096)
        assert len(HELD) == 3
        assert await copy_from_user(one + 8192, 4) == bytes(range(4))

    kernel.run_one(body())
    address_space.put(space)
    assert not HELD
    page_cache.clear(cache)


def test_writable_shared_mapping_needs_a_writable_file(
    kernel: KernelCpu, space: AddressSpace
) -> None:
    cache = new_file(kernel, b"text")

    async def body() -> None:
        mapping = FileMapping(cache.phys, 0, may_write=False)
        with pytest.raises(SysError, match="EACCES"):
            await map_region(space, 0, 4096, RW, MAP_SHARED, mapping)
        at = await map_region(space, 0, 4096, PROT_READ, MAP_SHARED, mapping)
        with pytest.raises(SysError, match="EACCES"):
            await protect_region(space, at, 4096, RW)

    kernel.run_one(body())


def test_mprotect_takes_and_gives_rights(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 4 * 4096, RW, ANONYMOUS)
        await copy_to_user(at, b"x" * 4 * 4096)
        await protect_region(space, at + 4096, 4096, PROT_READ)
        with pytest.raises(SysError, match="EFAULT"):
            await copy_to_user(at + 4096, b"y")
        await copy_to_user(at, b"y" * 4096)
        await copy_to_user(at + 8192, b"y")
        await protect_region(space, at, 8192, PROT_NONE)
        with pytest.raises(SysError, match="EFAULT"):
            await copy_from_user(at, 1)
        await protect_region(space, at, 4 * 4096, RW)
        assert await copy_from_user(at + 4095, 2) == b"yx"
        await copy_to_user(at + 4096, b"z")
        with pytest.raises(SysError, match="ENOMEM"):
            await protect_region(space, at + 3 * 4096, 8192, PROT_READ)

    kernel.run_one(body())


def test_only_rights_that_are_taken_away_are_shot_down(
    kernel: KernelCpu, space: AddressSpace
) -> None:
    async def generations(*protections: int) -> list[bool]:
        at = await map_region(space, 0, 4096, RW | PROT_EXEC, ANONYMOUS)
        await copy_to_user(at, b"x")
        seen = []
        for prot in protections:
            before = space.tlb.generation.value
            await protect_region(space, at, 4096, prot)
            seen.append(space.tlb.generation.value != before)
        return seen

    results = kernel.run_one(
        generations(RW | PROT_EXEC, RW, PROT_READ, RW, PROT_NONE, RW | PROT_EXEC)
    )
    assert results == [False, True, True, False, True, False]


def test_fixed_mappings_replace_and_hints_do_not(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0x40_0000, 5 * 4096, RW, ANONYMOUS)
        assert at == 0x40_0000
        await copy_to_user(at, b"1" * 5 * 4096)
        assert await map_region(space, at, 4096, RW, ANONYMOUS) != at
        with pytest.raises(SysError, match="EEXIST"):
            await map_region(space, at, 4096, RW, ANONYMOUS | MAP_FIXED_NOREPLACE)
        middle = at + 2 * 4096
        assert await map_region(space, middle, 4096, PROT_READ, ANONYMOUS | MAP_FIXED) == middle
        data = await copy_from_user(at, 5 * 4096)
        assert data == b"1" * 8192 + bytes(4096) + b"1" * 8192
        with pytest.raises(SysError, match="EINVAL"):
            await map_region(space, 0, 0, RW, ANONYMOUS)
        with pytest.raises(SysError, match="ENOMEM"):
            await map_region(space, 0, 1 << 46, RW, ANONYMOUS) and await map_region(
                space, 0, 1 << 47, RW, ANONYMOUS
            )

    kernel.run_one(body())


def test_brk_moves_both_ways(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        space.brk_start = space.brk = 0x60_0123
        assert await set_brk(space, 0) == 0x60_0123
        assert await set_brk(space, 0x60_5000) == 0x60_5000
        await copy_to_user(0x60_1000, b"heap")
        assert await set_brk(space, 0x60_0500) == 0x60_0500
        with pytest.raises(SysError, match="EFAULT"):
            await copy_from_user(0x60_1000, 1)
        assert await set_brk(space, 0x60_5000) == 0x60_5000
        assert await copy_from_user(0x60_1000, 4) == bytes(4)
        count = space.vma_count
        await set_brk(space, 0x70_0000)
        assert space.vma_count == count, "the heap stays one mapping"
        await map_region(space, 0x71_0000, 4096, RW, ANONYMOUS | MAP_FIXED)
        assert await set_brk(space, 0x72_0000) == 0x70_0000

    kernel.run_one(body())


def test_mremap_moves_the_pages(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0x40_0000, 8192, RW, ANONYMOUS)
        await copy_to_user(at, b"a" * 4096 + b"b" * 4096)
        await map_region(space, at + 8192, 4096, PROT_READ, ANONYMOUS | MAP_FIXED)
        with pytest.raises(SysError, match="ENOMEM"):
            await remap_region(space, at, 8192, 16384, may_move=False)
        to = await remap_region(space, at, 8192, 16384, may_move=True)
        assert to != at
        assert await copy_from_user(to, 16384) == b"a" * 4096 + b"b" * 4096 + bytes(8192)
        with pytest.raises(SysError, match="EFAULT"):
            await copy_from_user(at, 1)
        assert await remap_region(space, to, 16384, 4096, may_move=False) == to
        with pytest.raises(SysError, match="EFAULT"):
            await copy_from_user(to + 4096, 1)
        assert await remap_region(space, to, 4096, 8192, may_move=False) == to
        assert await copy_from_user(to, 8192) == b"a" * 4096 + bytes(4096)

    kernel.run_one(body())


def test_discarded_pages_are_zero_again(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 8192, RW, ANONYMOUS)
        await copy_to_user(at, b"x" * 8192)
        await discard_region(space, at, 4096)
        assert await copy_from_user(at, 8192) == bytes(4096) + b"x" * 4096

    kernel.run_one(body())


def test_strings_end_at_nul_or_fail(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 8192, RW, ANONYMOUS)
        await copy_to_user(at + 4000, b"n" * 200 + b"\0rest")
        assert await read_cstring(at + 4000) == b"n" * 200
        await copy_to_user(at + 8190, b"ab")
        with pytest.raises(SysError, match="EFAULT"):
            await read_cstring(at + 8190)
        with pytest.raises(SysError, match="ENAMETOOLONG"):
            await read_cstring(at + 4000, 100)

    kernel.run_one(body())


def test_two_tasks_fault_the_same_page_once(kernel: KernelCpu, space: AddressSpace) -> None:
    at = kernel.run_one(map_region(space, 0, 4096, RW, ANONYMOUS))
    address_space.get(space)
    bodies: list[Coroutine[Any, Any, Any]] = [copy_to_user(at + i, b"x") for i in range(4)]
    kernel.run(*bodies)
    assert kernel.run_one(copy_from_user(at, 5)) == b"xxxx\0"
    assert space.rss_pages == 1


def test_the_last_free_frame_serves_a_fault(kernel: KernelCpu, space: AddressSpace) -> None:
    at = kernel.run_one(map_region(space, 0, 4 * 4096, RW, ANONYMOUS))
    kernel.run_one(handle_fault(space, at + 3 * 4096, FAULT_USER))  # its table is there
    taken = take_all()
    with pytest.raises(SysError, match="ENOMEM"):
        kernel.run_one(handle_fault(space, at, FAULT_USER))
    frames.free_frame(taken.pop())
    kernel.run_one(handle_fault(space, at, FAULT_USER))
    assert space.rss_pages == 2


def test_rss_counts_the_present_pages(kernel: KernelCpu, space: AddressSpace) -> None:
    async def body() -> None:
        at = await map_region(space, 0, 1 << 16, RW, ANONYMOUS)
        await copy_to_user(at, b"x" * (1 << 16))
        child = await fork_space(space)
        await unmap_region(space, at, 1 << 15)
        for one in (space, child):
            present = sum(1 for _ in page_table.present_entries(one.root, 0, 1 << 47))
            assert one.rss_pages == present
        address_space.put(child)

    kernel.run_one(body())
