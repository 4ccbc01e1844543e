"""The driver's side of a virtqueue against a device that answers in any order."""

import random

import pytest

from hw.spec.virtio import DESC_F_NEXT, DESC_F_WRITE
from mpkernel.drivers.virtio.queue import SIZE, Virtqueue
from tests.support.device_kernel import device_kernel


class Device:
    """A device that takes all chains and gives them back when it likes."""

    def __init__(self, queue: Virtqueue) -> None:
        self.queue = queue
        self.next = queue.avail_idx
        self.held: list[tuple[int, list[tuple[int, int, bool]]]] = []

    def take_all(self) -> None:
        while self.next != self.queue.avail_idx:
            head = self.queue.avail_ring[self.next % SIZE]
            parts, index = [], head
            while True:
                desc = self.queue.desc[index]
                parts.append((desc.addr, desc.len, bool(desc.flags & DESC_F_WRITE)))
                if not desc.flags & DESC_F_NEXT:
                    break
                index = desc.next
            self.held.append((head, parts))
            self.next = (self.next + 1) & 0xFFFF

    def give(self, number: int, written: int) -> list[tuple[int, int, bool]]:
        head, parts = self.held.pop(number)
        element = self.queue.used_ring[self.queue.used_idx % SIZE]
        element.id, element.len = head, written
        self.queue.used_idx += 1
        return parts


@pytest.mark.parametrize("seed", range(5))
def test_chains_come_back_in_any_order_and_indices_wrap(seed: int) -> None:
    chance = random.Random(seed)
    with device_kernel():
        queue = Virtqueue.create(3, 0, 0)
        start = 0xFFFF - 200
        queue.avail_idx = queue.used_idx = queue.last_used = start
        device = Device(queue)
        posted: dict[int, list[tuple[int, int, bool]]] = {}
        free = SIZE
        for step in range(2000):
            parts = [
                (step << 12 | n, chance.randrange(1, 5000), n > 1)
                for n in range(chance.randrange(1, 5))
            ]
            with queue.lock.irqsave():
                assert queue.free_count == free
                if free >= len(parts) and chance.random() < 0.6:
                    head = queue.post_locked(parts)
                    assert head not in posted
                    posted[head] = parts
                    free -= len(parts)
            device.take_all()
            assert dict(device.held) == posted
            if device.held and chance.random() < 0.5:
                given = device.give(chance.randrange(len(device.held)), step)
                assert queue.has_used()
                with queue.lock.irqsave():
                    used = queue.take_used_locked()
                    assert used is not None
                    assert used[1] == step
                    assert posted.pop(used[0]) == given
                    queue.release_locked(used[0])
                    free += len(given)
            assert not queue.has_used()
        assert queue.avail_idx < start


def test_a_device_that_names_no_descriptor_is_a_panic() -> None:
    from mpkernel.panic import KernelPanic  # noqa: PLC0415

    with device_kernel():
        queue = Virtqueue.create(0, 0, 0)
        queue.used_ring[0].id = SIZE
        queue.used_idx = 1
        with pytest.raises(KernelPanic, match="descriptor 64"):
            queue.take_used_locked()
