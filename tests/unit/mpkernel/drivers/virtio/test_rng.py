"""The entropy driver on the board's device."""

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.arch import memory
from mpkernel.drivers import bus
from mpkernel.drivers.virtio import rng
from mpkernel.drivers.virtio.queue import SIZE, Virtqueue
from tests.support.device_kernel import device_kernel


def test_bytes_are_random_and_as_many_as_asked() -> None:
    with device_kernel() as kernel:
        kernel.call(bus.probe_all())
        seen = {kernel.call(rng.read(32)) for _ in range(10)}
        assert len(seen) == 10
        assert len(kernel.call(rng.read(10_000))) == 10_000
        assert kernel.call(rng.read(0)) == b""


def test_many_readers_get_different_bytes_and_none_stay_behind() -> None:
    with device_kernel(cpus=2) as kernel:
        kernel.call(bus.probe_all())
        got: list[bytes] = []

        async def reader() -> None:
            got.append(await rng.read(16))

        kernel.call(*(reader() for _ in range(20)))
        assert len(set(got)) == 20
        queue = Virtqueue.at(rng.STATE.queue)
        assert queue.free_count == SIZE
        assert memory.read(queue.buffers, 4096) == bytes(4096)


def test_without_a_device_there_is_an_error() -> None:
    with device_kernel() as kernel, pytest.raises(SysError, match="ENODEV"):
        kernel.call(rng.read(1))
