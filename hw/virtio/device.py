"""A virtio device as its back end sees it: queues to take from and give to, and its life.

State: a handle on board memory; the queues' views. Context: whoever runs the device.
"""

from hw.spec.virtio import STATUS_DRIVER_OK, STATUS_NEEDS_RESET
from hw.virtio import state as virtio_state
from hw.virtio import transport
from hw.virtio.memory import DriverError, GuestMemory
from hw.virtio.queue import Chain, Queue, cut, gather, scatter
from hw.virtio.state import DEVICES, QUEUES


class VirtioDevice:
    """One device. A driver that breaks the rules stops it until it resets the device."""

    __slots__ = ("_memory", "_queues", "_state", "slot")

    def __init__(self, slot: int, memory: GuestMemory) -> None:
        self.slot = slot
        self._memory = memory
        self._state = DEVICES[slot]
        self._queues = tuple(
            Queue(queue, memory) for queue in QUEUES[slot][: self._state.queue_count]
        )

    @property
    def memory(self) -> GuestMemory:
        """The memory the driver's addresses mean."""
        return self._memory

    @property
    def queue_count(self) -> int:
        """How many queues there are."""
        return len(self._queues)

    def is_live(self) -> bool:
        """Whether the driver is ready and has not broken the rules."""
        return self._state.status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET) == STATUS_DRIVER_OK

    def take_reset(self) -> bool:
        """Finish a reset the driver asked for; return whether it did. The rings are let go."""
        if not self._state.reset_wanted.value:
            return False
        virtio_state.clear(self.slot)
        return True

    def take_notified(self) -> int:
        """Return the queues notified since the last call, as bits."""
        return self._state.notified.xchg(0)

    def waiting(self, queue: int) -> int:
        """Return how many chains a queue has available."""
        if not self.is_live():
            return 0
        try:
            return self._queues[queue].waiting()
        except DriverError:
            transport.fail(self.slot)
            return 0

    def take(self, queue: int) -> Chain | None:
        """Take the next chain of a queue."""
        if not self.is_live():
            return None
        try:
            return self._queues[queue].take()
        except DriverError:
            transport.fail(self.slot)
            return None

    def give(self, queue: int, chain: Chain, written: int) -> None:
        """Give a chain back and interrupt the driver if it wants that."""
        try:
            wanted = self._queues[queue].give(chain, written)
        except DriverError:
            transport.fail(self.slot)
            return
        if wanted:
            transport.interrupt_queue(self.slot, queue)

    def gather(self, chain: Chain, start: int, size: int) -> bytes:
        """Return ``size`` bytes of what the driver sent; nothing if it is not in memory."""
        try:
            return gather(self._memory, cut(chain.readable, start, size), size)
        except DriverError:
            transport.fail(self.slot)
            return b""

    def scatter(self, chain: Chain, data: bytes) -> int:
        """Store bytes into a chain; return how many fitted."""
        try:
            return scatter(self._memory, chain.writable, data)
        except DriverError:
            transport.fail(self.slot)
            return 0
