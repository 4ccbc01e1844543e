"""Page cache: one read a page, however many ask; failures reach each; bytes as a file's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import memory
from mpkernel.mm import frames, page_cache
from mpkernel.mm.page import put_page
from mpkernel.mm.page_cache import PageCache
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_NONE
from mpkernel.sched.completion import Completion
from mpkernel.sched.task import TASK_KILLABLE, current
from mpkernel.sched.wakeup import notice_signal
from tests.support.kernel_cpu import KernelCpu, kernel_cpu, take_all

CACHE = memory.static(PageCache)
ARRIVED = memory.static(Completion)
SOURCE_TEST = 99


class SlowSource:
    """Reads pages when the test says so, and may fail a number of times."""

    def __init__(self) -> None:
        self.reads: list[int] = []
        self.failures = 0

    async def read_page(self, owner: int, index: int, frame: int) -> None:
        assert owner == 0x7777
        self.reads.append(index)
        await ARRIVED.wait()
        if self.failures:
            self.failures -= 1
            raise SysError(Errno.EIO)
        memory.write(frame, bytes([index + 1]) * 4096)

    def hold(self, owner: int) -> None:
        raise AssertionError(owner)

    def drop(self, owner: int) -> None:
        raise AssertionError(owner)


SOURCE = SlowSource()
PAGE_SOURCES.add(SOURCE_TEST, SOURCE)


@pytest.fixture
def cache(kernel: KernelCpu) -> PageCache:
    CACHE.init(SOURCE_TEST, 0x7777)
    CACHE.size_bytes = 10 * 4096
    ARRIVED.init()
    SOURCE.reads.clear()
    SOURCE.failures = 0
    return CACHE


async def arrive() -> None:
    ARRIVED.complete()


async def first_byte(index: int) -> int:
    frame = await page_cache.page(CACHE, index)
    value = memory.read(frame, 1)[0]
    put_page(frame)
    return value


def test_many_who_ask_for_a_page_make_one_read(kernel: KernelCpu, cache: PageCache) -> None:
    results = kernel.run(*(first_byte(3) for _ in range(5)), first_byte(4), arrive())
    assert results[:6] == [4] * 5 + [5]
    assert SOURCE.reads == [3, 4]
    assert page_cache.find(cache, 5) == 0
    before = frames.free_count()
    page_cache.clear(cache)
    assert frames.free_count() == before + 2


def test_a_failed_read_is_tried_again_by_each_that_waited(
    kernel: KernelCpu, cache: PageCache
) -> None:
    SOURCE.failures = 2
    kernel.run(*(arrive() for _ in range(5)))  # the slab of tasks is there
    ARRIVED.init()
    before = frames.free_count()

    async def outcome() -> object:
        try:
            return await first_byte(0)
        except SysError as error:
            return error.errno

    results = kernel.run(outcome(), outcome(), outcome(), outcome(), arrive())
    assert sorted(results[:4]) == [1, 1, Errno.EIO, Errno.EIO]
    assert SOURCE.reads == [0, 0, 0]
    page_cache.clear(cache)
    assert frames.free_count() == before


def test_who_is_to_die_waits_for_no_page_that_another_reads(
    kernel: KernelCpu, cache: PageCache
) -> None:
    kernel.run(*(arrive() for _ in range(5)))  # the slab of tasks is there
    ARRIVED.init()
    before = frames.free_count()
    victims = []

    async def victim() -> str:
        victims.append(current())
        try:
            await first_byte(0)
        except Interrupted:
            return "gave up"
        return "has it"

    async def killer() -> None:
        assert victims[0].state == TASK_KILLABLE
        victims[0].must_end = 1
        notice_signal(victims[0])

    assert kernel.run(first_byte(0), victim(), killer(), arrive())[:2] == [1, "gave up"]
    page_cache.clear(cache)
    assert frames.free_count() == before


@pytest.mark.usefixtures("cache")
def test_out_of_memory_leaves_the_cache_sound(kernel: KernelCpu) -> None:
    kernel.run_one(arrive())  # the slab of tasks is there
    taken = take_all()
    with pytest.raises(SysError, match="ENOMEM"):
        kernel.run_one(first_byte(1))
    for frame in taken:
        frames.free_frame(frame)
    assert kernel.run_one(first_byte(1)) == 2


Step = tuple[str, int, int]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "read", "truncate"]),
            st.integers(0, 20000),
            st.integers(0, 9000),
        ),
        max_size=20,
    )
)
def test_a_file_of_cached_pages_agrees_with_a_bytearray(steps: list[Step]) -> None:
    with kernel_cpu(ram_bytes=16 << 20) as kernel:
        CACHE.init(SOURCE_NONE, 0)
        model = bytearray()

        async def body() -> None:
            for number, (what, offset, size) in enumerate(steps):
                if what == "write" and size:
                    data = bytes([number + 1]) * size
                    await page_cache.write(CACHE, offset, data)
                    model.extend(bytes(max(0, offset + size - len(model))))
                    model[offset : offset + size] = data
                elif what == "truncate":
                    page_cache.truncate(CACHE, offset)
                    del model[offset:]
                    model.extend(bytes(offset - len(model)))
                assert await page_cache.read(CACHE, offset // 2, size) == bytes(
                    model[offset // 2 : offset // 2 + size]
                )
            assert await page_cache.read(CACHE, 0, 1 << 20) == bytes(model)

        kernel.run_one(body())
        before = frames.free_count()
        count = page_cache.page_count(CACHE)
        assert count == page_cache.cached_pages()
        page_cache.clear(CACHE)
        assert frames.free_count() == before + count
        assert page_cache.cached_pages() == 0
