"""/dev/null, zero, full and random: what they give and what they take."""

import asyncio

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.fs.memory_devices import (
    ENTROPY,
    MOST_BYTES,
    FullDevice,
    NullDevice,
    RandomDevice,
    ZeroDevice,
)


def test_what_they_give() -> None:
    async def source(size: int) -> bytes:
        return b"r" * size

    before = dict(ENTROPY._entries)
    ENTROPY._entries.clear()
    ENTROPY.fill(source)
    try:
        assert asyncio.run(RandomDevice().read(5)) == b"rrrrr"
        assert len(asyncio.run(RandomDevice().read(1 << 30))) == MOST_BYTES
    finally:
        ENTROPY._entries.clear()
        ENTROPY._entries.update(before)
    assert asyncio.run(NullDevice().read(5)) == b""
    assert asyncio.run(ZeroDevice().read(5)) == asyncio.run(FullDevice().read(5)) == bytes(5)
    assert len(asyncio.run(ZeroDevice().read(1 << 30))) == MOST_BYTES


def test_what_they_take() -> None:
    for device in (NullDevice(), ZeroDevice(), RandomDevice()):
        assert asyncio.run(device.write(b"abc")) == 3
        assert device.is_readable()
        assert device.is_writable()
        with pytest.raises(SysError, match="ENOTTY"):
            asyncio.run(device.ioctl(0x5401, 0))
    with pytest.raises(SysError, match="ENOSPC"):
        asyncio.run(FullDevice().write(b"abc"))
