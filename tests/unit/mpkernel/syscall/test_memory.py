"""System calls of memory: arguments refused and accepted as mmap(2) and its relatives say."""

from collections.abc import Callable, Coroutine, Iterator

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.abi.mman import (
    MADV_DONTNEED,
    MADV_FREE,
    MADV_WILLNEED,
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    PROT_WRITE,
)
from mpkernel.mm import address_space
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.syscall import memory
from tests.support.kernel_cpu import KernelCpu, kernel_cpu

RW = PROT_READ | PROT_WRITE
ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS


@pytest.fixture
def kernel() -> Iterator[KernelCpu]:
    with kernel_cpu() as cpu:
        cpu.address_space = address_space.create().phys
        yield cpu


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: memory.mmap(0, 0, RW, ANONYMOUS, -1, 0), "EINVAL"),
        (lambda: memory.mmap(0, 4096, RW, MAP_ANONYMOUS, -1, 0), "EINVAL"),
        (lambda: memory.mmap(0, 4096, RW, ANONYMOUS, -1, 100), "EINVAL"),
        (lambda: memory.mmap(0, 4096, 64, ANONYMOUS, -1, 0), "EINVAL"),
        (lambda: memory.mmap(0, (1 << 64) - 1, RW, ANONYMOUS, -1, 0), "ENOMEM"),
        (lambda: memory.munmap(4097, 4096), "EINVAL"),
        (lambda: memory.munmap(4096, 0), "EINVAL"),
        (lambda: memory.munmap(4096, (1 << 64) - 1), "EINVAL"),
        (lambda: memory.mprotect(4097, 4096, RW), "EINVAL"),
        (lambda: memory.mprotect(0x40_0000, 4096, RW), "ENOMEM"),
        (lambda: memory.mremap(0x40_0000, 4096, 8192, MREMAP_FIXED | MREMAP_MAYMOVE), "EINVAL"),
        (lambda: memory.mremap(0x40_0000, 4096, 8192, 0), "EFAULT"),
        (lambda: memory.madvise(0x40_0000, 4096, MADV_FREE), "EINVAL"),
        (lambda: memory.madvise(0x40_0000, 4096, MADV_DONTNEED), "ENOMEM"),
    ],
)
def test_refused(
    kernel: KernelCpu, call: Callable[[], Coroutine[object, None, int]], error: str
) -> None:
    with pytest.raises(SysError, match=error):
        kernel.run_one(call())


def test_a_life_of_a_mapping(kernel: KernelCpu) -> None:
    async def body() -> None:
        at = await memory.mmap(0, 8192, RW, ANONYMOUS, -1, 0)
        await copy_to_user(at, b"x" * 8192)
        assert await memory.madvise(at, 8192, MADV_WILLNEED) == 0
        assert await copy_from_user(at, 1) == b"x"
        assert await memory.madvise(at, 4096, MADV_DONTNEED) == 0
        assert await copy_from_user(at + 4095, 2) == b"\0x"
        assert await memory.mprotect(at, 4096, PROT_READ) == 0
        with pytest.raises(SysError, match="EFAULT"):
            await copy_to_user(at, b"y")
        new = await memory.mremap(at + 4096, 4096, 1 << 22, MREMAP_MAYMOVE)
        assert await copy_from_user(new + 4095, 2) == b"x\0"
        assert await memory.munmap(at, 8192) == 0
        assert await memory.munmap(at, 8192) == 0
        with pytest.raises(SysError, match="EFAULT"):
            await copy_from_user(at, 1)

    kernel.run_one(body())
