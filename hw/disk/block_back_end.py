"""Block requests performed on an image.

State: the image. Context: device process; a read that the host's disk must answer blocks it.
"""

from hw import trace
from hw.disk.image import Image
from hw.irq.party import DEVICE_PARTY
from hw.virtio import blk, transport
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import DriverError, GuestMemory
from hw.virtio.queue import Chain, Segment


class BlockBackEnd:
    """The back end of one disk."""

    def __init__(self, device: VirtioDevice, image: Image, serial: str) -> None:
        self._device = device
        self._image = image
        self._disk = blk.Disk(image.sectors, image.read_only, serial)

    def serve(self) -> None:
        """Serve all requests there are."""
        queues = range(self._device.queue_count)
        for queue in queues:
            while (chain := self._device.take(queue)) is not None:
                try:
                    written = self._run(chain)
                except DriverError:
                    transport.fail(self._device.slot)
                    return
                self._device.give(queue, chain, written)

    def _run(self, chain: Chain) -> int:
        memory = self._device.memory
        steps = blk.serve(self._disk, memory, chain)
        try:
            operation = next(steps)
            while True:
                operation = steps.send(self._perform(memory, operation))
        except StopIteration as end:
            written: int = end.value
            return written

    def _perform(self, memory: GuestMemory, operation: blk.Operation) -> bool:
        """Do one operation; return whether the host did it."""
        try:
            match operation:
                case blk.Read(offset, segments):
                    if trace.CONTROL.enabled:
                        size = sum(size for _, size in segments)
                        trace.record(DEVICE_PARTY, trace.DEVICE_REQUEST, offset >> 9, size)
                    self._image.read(offset, _views(memory, segments))
                    for addr, size in segments:
                        memory.written(addr, size)
                case blk.Write(offset, segments):
                    self._image.write(offset, _views(memory, segments))
                case blk.Flush():
                    self._image.flush()
                case blk.Zero(offset, size):
                    self._image.zero(offset, size)
        except OSError:
            return False
        return True


def _views(memory: GuestMemory, segments: tuple[Segment, ...]) -> list[memoryview]:
    return [view for addr, size in segments for view in memory.views(addr, size)]
