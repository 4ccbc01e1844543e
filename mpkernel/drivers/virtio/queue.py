"""A split virtqueue from the driver's side: one frame with both rings and the driver's own words.

    0x000 descriptors   0x400 available ring   0x488 used ring   0x690 Virtqueue's own words

Free descriptors are chained through ``next``. Indices run through 16 bits and wrap; a place in a
ring is the index modulo the size. Who finds no room sleeps in ``space``.

Spec: virtio 1.2, 2.7. State: RAM. Locks: Virtqueue.lock, with interrupts off.
Context: posting, any; waiting for room, task.
"""

import ctypes
from collections.abc import Sequence
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, fixed, guarded_by, layout, u16, u32, u64
from hw.spec.virtio import (
    DESC_F_NEXT,
    DESC_F_WRITE,
    USED_F_NO_NOTIFY,
    VirtqDesc,
    VirtqUsedElem,
)
from mpkernel.arch import memory, mmio
from mpkernel.arch.atomics import fence
from mpkernel.mm import frames
from mpkernel.panic import panic
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

SIZE: Final = 64  #: descriptors
NO_HEAD: Final = 0xFFFF

#: Address, bytes, whether the device writes.
Part = tuple[int, int, bool]


@layout(size=4096)
class Virtqueue(Layout):
    """A queue of a device."""

    desc: Annotated[Any, VirtqDesc * SIZE]
    avail_flags: u16
    avail_idx: u16
    avail_ring: Annotated[Any, ctypes.c_uint16 * SIZE]
    used_event: u16
    reserved_0x486: u16
    used_flags: u16
    used_idx: u16
    used_ring: Annotated[Any, VirtqUsedElem * SIZE]
    avail_event: u16
    reserved_0x68e: u16

    lock: Spinlock
    space: WaitQueue  #: those who wait for free descriptors or buffers
    notify_address: Annotated[u64, fixed]
    function: Annotated[u64, fixed]  #: PciFunction
    owner: Annotated[u64, fixed]  #: the driver's: what the queue belongs to
    buffers: Annotated[u64, fixed]  #: the driver's: memory for its requests
    index: Annotated[u16, fixed]
    vector: Annotated[u16, fixed]
    free_head: Annotated[u16, guarded_by("lock")]
    free_count: Annotated[u16, guarded_by("lock")]
    last_used: Annotated[u16, guarded_by("lock")]  #: index of the next used element to take
    msix_entry: Annotated[u16, fixed]
    posted: Annotated[u32, guarded_by("lock")]  #: chains so far (statistics, wraps)
    reserved_0x720: Annotated[Any, ctypes.c_uint8 * (4096 - 0x720)]

    @classmethod
    def create(cls, index: int, notify_address: int, function: int) -> "Virtqueue":
        """Make a queue in a new frame.

        Raises:
            SysError: ENOMEM.
        """
        queue = cls.at(frames.alloc_zeroed_frame())
        queue.lock.init(ranks.VIRTQUEUE)
        queue.space.init(ranks.DESCRIPTORS)
        queue.index = index
        queue.notify_address = notify_address
        queue.function = function
        for number in range(SIZE - 1):
            queue.desc[number].next = number + 1
        queue.free_count = SIZE
        return queue

    @property
    def desc_address(self) -> int:
        """Physical address of the descriptors."""
        return self.phys

    @property
    def avail_address(self) -> int:
        """Physical address of the available ring."""
        return self.phys + Virtqueue.offset_of("avail_flags")

    @property
    def used_address(self) -> int:
        """Physical address of the used ring."""
        return self.phys + Virtqueue.offset_of("used_flags")

    def post_locked(self, parts: Sequence[Part]) -> int:
        """Make a chain available; return its head. There is room; ``notify`` follows.

        What the device reads stands before what it writes.
        """
        head: int = self.free_head
        assert 0 < len(parts) <= self.free_count, "chain posted without room"
        index, last = head, len(parts) - 1
        for number, (address, size, device_writes) in enumerate(parts):
            desc = self.desc[index]
            desc.addr = address
            desc.len = size
            flags = DESC_F_WRITE if device_writes else 0
            desc.flags = flags if number == last else flags | DESC_F_NEXT
            index = desc.next  # of the chain, and of the free list
        self.free_head = index
        self.free_count -= len(parts)
        self.avail_ring[self.avail_idx % SIZE] = head
        self.avail_idx += 1  # after the entry: x86 keeps the order of stores
        self.posted += 1
        return head

    def notify(self) -> None:
        """Tell the device, unless it said that it looks by itself."""
        fence()
        if not self.used_flags & USED_F_NO_NOTIFY:
            mmio.write(self.notify_address, 2, self.index)

    def has_used(self) -> bool:
        """Whether the device has given back chains that nobody took yet."""
        used: int = self.used_idx
        return used != self.last_used

    def take_used_locked(self) -> tuple[int, int] | None:
        """Take the next chain that the device has done with: head and bytes written.

        Its descriptors stay taken until ``release_locked``.
        """
        if self.used_idx == self.last_used:
            return None
        element = self.used_ring[self.last_used % SIZE]
        self.last_used += 1
        head: int = element.id
        if head >= SIZE:
            panic(f"virtqueue {self.index}: the device gives back descriptor {head}")
        return head, element.len

    def release_locked(self, head: int) -> None:
        """Put a chain's descriptors back on the free list."""
        index, count = head, 1
        while self.desc[index].flags & DESC_F_NEXT:
            index = self.desc[index].next
            count += 1
            assert count <= SIZE, "loop in a chain of our own"
        self.desc[index].next = self.free_head
        self.free_head = head
        self.free_count += count

    async def wait_for_room(self, count: int) -> None:
        """Sleep until ``count`` descriptors were free for a moment; look again under the lock."""
        await self.space.wait_until(lambda: self.free_count >= count, interruptible=False)


def zero_frames(count: int) -> int:
    """Frames in a row, cleared; physical address of the first.

    Raises:
        SysError: ENOMEM.
    """
    address = frames.alloc_contiguous(count)
    memory.zero(address, count << 12)
    return address
