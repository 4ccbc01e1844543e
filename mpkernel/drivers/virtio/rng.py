"""Entropy driver: random bytes from the device, one request at a time.

Spec: virtio 1.2, 5.4. State: RAM. Locks: a mutex around the one buffer. Context: task.
"""

from typing import Annotated, Final

from hw.spec.address import PAGE_SIZE
from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from hw.spec.virtio import TYPE_RNG
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.drivers.pci import PciFunction
from mpkernel.drivers.virtio import transport
from mpkernel.drivers.virtio.queue import Virtqueue, zero_frames
from mpkernel.drivers.virtio.transport import Transport
from mpkernel.irq.vectors import HANDLER_RNG
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks


@layout()
class RngState(Layout):
    """The entropy source."""

    lock: Mutex
    waiter: WaitQueue
    queue: Annotated[u64, fixed]  #: Virtqueue, 0: no device
    is_done: Annotated[u32, atomic]


STATE: Final = memory.static(RngState)


class VirtioRng:
    """The driver; holds nothing."""

    name = "virtio-rng"

    def matches(self, function: PciFunction) -> bool:
        """Whether this is a virtio entropy device."""
        return transport.is_virtio(function, TYPE_RNG) and not STATE.queue

    async def probe(self, function: PciFunction) -> None:
        """Bring the device up."""
        device = Transport(function)
        device.negotiate(0)
        STATE.lock.init(ranks.ENTROPY)
        STATE.waiter.init(ranks.ENTROPY_DONE)
        queue = device.add_queue(0, HANDLER_RNG)
        queue.buffers = zero_frames(1)
        device.start()
        STATE.queue = queue.phys

    def spread(self, function: PciFunction, cpus: list[int]) -> None:
        """Leave the interrupt where it is: it is rare."""


async def read(size: int) -> bytes:
    """Random bytes, ``size`` of them.

    Raises:
        SysError: ENODEV, there is no source.
    """
    if not STATE.queue:
        raise SysError(Errno.ENODEV)
    queue = Virtqueue.at(STATE.queue)
    data = bytearray()
    async with STATE.lock.killable():
        while len(data) < size:
            wanted = min(size - len(data), PAGE_SIZE)
            STATE.is_done = 0
            with queue.lock.irqsave():
                queue.post_locked([(queue.buffers, wanted, True)])
            queue.notify()
            await STATE.waiter.wait_until(lambda: STATE.is_done, interruptible=False)
            with queue.lock.irqsave():
                used = queue.take_used_locked()
                assert used is not None
                queue.release_locked(used[0])
            data += memory.read(queue.buffers, used[1])
            memory.zero(queue.buffers, used[1])
    return bytes(data)


def on_interrupt(_queue_at: int) -> None:
    """The buffer is filled."""
    STATE.is_done = 1
    STATE.waiter.wake_all()


VIRTIO_RNG: Final = VirtioRng()
