"""User copies: against bytes, at every border, sleeping and not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.abi.errno import SysError
from mpkernel.abi.mman import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE
from mpkernel.arch import user_access
from mpkernel.mm import address_space, user_memory
from mpkernel.mm.mmap import map_region
from tests.support.kernel_cpu import KernelCpu, kernel_cpu

AT = 0x40_0000
SIZE = 0x14000  # more than one announced piece
FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED


def with_memory(kernel: KernelCpu) -> None:
    """SIZE writable bytes at AT, a read-only page after them, and nothing beyond."""
    kernel.address_space = address_space.create().phys

    async def body() -> None:
        space = address_space.AddressSpace.at(kernel.address_space)
        await map_region(space, AT, SIZE, PROT_READ | PROT_WRITE, FLAGS)
        await map_region(space, AT + SIZE, 4096, PROT_READ, FLAGS)

    kernel.run_one(body())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, SIZE), st.integers(1, SIZE)), max_size=8))
def test_copies_agree_with_a_bytearray(writes: list[tuple[int, int]]) -> None:
    with kernel_cpu(ram_bytes=16 << 20) as kernel:
        with_memory(kernel)
        model = bytearray(SIZE)

        async def body() -> None:
            for number, (offset, size) in enumerate(writes):
                data = (bytes([number + 1, 0xA5, number]) * size)[: min(size, SIZE - offset)]
                await user_memory.copy_to_user(AT + offset, data)
                model[offset : offset + len(data)] = data
                size = min(size, SIZE)  # noqa: PLW2901
                assert await user_memory.copy_from_user(AT, size) == bytes(model[:size])
            assert await user_memory.copy_from_user(AT, SIZE) == bytes(model)

        kernel.run_one(body())


def test_copies_that_may_not_sleep_stop_at_the_first_absent_page() -> None:
    with kernel_cpu() as kernel:
        with_memory(kernel)

        async def body() -> None:
            assert user_memory.copy_from_user_nofault(AT, 8) == b""
            assert user_memory.copy_to_user_nofault(AT, b"12345678") == 0
            await user_memory.fault_in(AT + 0x3FFF, 1, is_write=True)
            await user_memory.fault_in(AT + 0x3000, 10, is_write=False)
            assert user_memory.copy_to_user_nofault(AT + 0x3FFC, b"12345678") == 4
            assert user_memory.copy_from_user_nofault(AT + 0x3FFC, 8) == b"1234"
            with pytest.raises(SysError, match="EFAULT"):
                await user_memory.fault_in(AT + SIZE, 1, is_write=True)

        kernel.run_one(body())


def test_what_fits_is_written_before_the_page_that_refuses() -> None:
    with kernel_cpu() as kernel:
        with_memory(kernel)

        async def body() -> None:
            with pytest.raises(SysError, match="EFAULT"):
                await user_memory.copy_to_user(AT + SIZE - 4, b"12345678")
            assert await user_memory.copy_from_user(AT + SIZE - 4, 8) == b"1234\0\0\0\0"

        kernel.run_one(body())


def test_a_kernel_thread_has_no_user_memory() -> None:
    with kernel_cpu() as kernel, pytest.raises(SysError, match="EFAULT"):
        kernel.run_one(user_memory.get_u32(AT))


def test_words_are_cut_to_their_width() -> None:
    with kernel_cpu() as kernel:
        with_memory(kernel)

        async def body() -> None:
            await user_memory.put_u64(AT, 0x1122_3344_5566_7788)
            await user_memory.put_u32(AT, -1)
            assert await user_memory.get_u64(AT) == 0x1122_3344_FFFF_FFFF
            assert await user_memory.get_u32(AT + 4) == 0x1122_3344

        kernel.run_one(body())


def test_the_largest_piece_is_bounded() -> None:
    assert user_access.PIECE < SIZE, "the tests above cover several pieces"
