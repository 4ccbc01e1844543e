"""The disk driver on the board's disk: what is written is in the image, what is there is read."""

from pathlib import Path

import pytest

from hw.machine_config import DiskConfig
from hw.spec.virtio import BLK_T_IN, VirtqUsedElem
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.block import device as block
from mpkernel.drivers import bus
from mpkernel.drivers.virtio import blk
from mpkernel.drivers.virtio.queue import SIZE, Virtqueue
from mpkernel.irq import dispatch
from mpkernel.mm import frames
from tests.support.device_kernel import DeviceKernel, device_kernel

SECTORS = 2048


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(b"".join(n.to_bytes(4, "little") * 128 for n in range(SECTORS)))
    return path


def start(kernel: DeviceKernel) -> None:
    kernel.call(bus.probe_all())
    bus.spread_interrupts(list(range(len(kernel.cpus))))


def test_reads_what_the_image_holds(image: Path) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        assert disk.sectors == SECTORS
        frame = frames.alloc_frame()
        kernel.call(block.read(disk, 16, 8, frame))
        assert memory.read(frame, 4096) == image.read_bytes()[16 * 512 : 24 * 512]


def test_writes_and_flushes_to_the_image(image: Path) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        frame = frames.alloc_frame()
        memory.write(frame, b"mpk!" * 256)
        kernel.call(block.write(disk, 3, 2, frame))
        kernel.call(block.flush(disk))
    data = image.read_bytes()
    assert data[3 * 512 : 5 * 512] == b"mpk!" * 256
    assert data[5 * 512 : 5 * 512 + 4] == (5).to_bytes(4, "little")


def test_two_disks_have_names_of_their_own(image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.img"
    other.write_bytes(b"o" * 4096)
    with device_kernel([image, DiskConfig(other, read_only=True)]) as kernel:
        start(kernel)
        disk = block.by_name("vdb")
        assert (disk.sectors, disk.read_only, block.count()) == (8, 1, 2)
        frame = frames.alloc_frame()
        with pytest.raises(SysError) as error:
            kernel.call(block.write(disk, 0, 1, frame))
        assert error.value.errno == Errno.EROFS
        with pytest.raises(SysError, match="ENXIO"):
            block.by_name("vdc")


@pytest.mark.parametrize(("sector", "count"), [(SECTORS, 1), (SECTORS - 1, 2), (-1, 1), (0, 0)])
def test_refuses_what_is_not_on_the_disk(image: Path, sector: int, count: int) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        with pytest.raises(SysError, match="EIO"):
            kernel.call(block.read(disk, sector, count, frames.alloc_frame()))


def test_an_error_of_the_disk_is_eio(image: Path) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = blk.DISKS[0]
        frame = frames.alloc_frame()
        with pytest.raises(SysError, match="EIO"):
            kernel.call(blk._request(disk, BLK_T_IN, SECTORS, [(frame, 512)]))
        with pytest.raises(SysError, match="ENOTSUP"):
            kernel.call(blk._request(disk, 99, 0, [(frame, 512)]))
        queue = Virtqueue.at(disk.queues[0])
        assert queue.free_count == SIZE


def test_a_full_queue_makes_senders_wait_and_all_are_served(image: Path) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        at = [frames.alloc_frame() for _ in range(60)]
        reads = [block.read(disk, 8 * n, 8, frame) for n, frame in enumerate(at)]
        kernel.call(*reads)
        data = image.read_bytes()
        for number, frame in enumerate(at):
            assert memory.read(frame, 4096) == data[4096 * number : 4096 * (number + 1)]
        queue = Virtqueue.at(blk.DISKS[0].queues[0])
        assert queue.free_count == SIZE
        assert queue.posted == 60


def test_indices_wrap_at_16_bits(image: Path) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        queue = Virtqueue.at(blk.DISKS[0].queues[0])
        state = kernel.back_ends[1][0]._queues[0]._state
        # as after 65534 requests: both sides stand two before the wrap
        queue.avail_idx = queue.used_idx = queue.last_used = 0xFFFE
        state.next_avail = state.next_used = 0xFFFE
        frame = frames.alloc_frame()
        data = image.read_bytes()
        for sector in range(0, 50, 8):
            kernel.call(block.read(disk, sector, 8, frame))
            assert memory.read(frame, 4096) == data[512 * sector : 512 * sector + 4096]
        assert queue.avail_idx == queue.last_used == 5
        assert VirtqUsedElem.SIZE == 8


def test_a_long_request_goes_in_several_chains(image: Path) -> None:
    with device_kernel([image]) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        at = frames.alloc_contiguous(100)
        pieces = [(at + 4096 * n, 4096) for n in range(100)]
        kernel.call(block.read_segments(disk, 8, pieces))
        assert memory.read(at, 409600) == image.read_bytes()[4096 : 4096 + 409600]
        assert Virtqueue.at(blk.DISKS[0].queues[0]).posted == 2


def test_each_cpu_has_its_queue_and_its_interrupt(image: Path) -> None:
    with device_kernel([image], cpus=2) as kernel:
        start(kernel)
        disk = block.by_name("vda")
        assert blk.DISKS[0].queue_count == 2
        at = [frames.alloc_frame() for _ in range(2)]
        kernel.call(block.read(disk, 0, 8, at[0]), block.read(disk, 8, 8, at[1]))
        for index in range(2):
            queue = Virtqueue.at(blk.DISKS[0].queues[index])
            assert queue.posted == 1
            assert dispatch.taken(index, queue.vector) == 1
            assert dispatch.taken(1 - index, queue.vector) == 0
