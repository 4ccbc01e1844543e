"""A split queue from the device's side: take chains of buffers, give them back used.

    take:  avail.idx moved? -> ring[next_avail % size] -> follow descriptors
    give:  used.ring[next_used % size] = {head, bytes written}; then used.idx, last

Nothing here does I/O or interrupts. What a driver may get wrong (index outside the ring, loops,
writable before readable, memory that is not there) raises DriverError before anything is done.

Spec: virtio 1.2, 2.7. State: QueueState (board memory), rings in the driver's memory.
Locks: none; one device runs a queue. Context: whoever runs the device.
"""

from dataclasses import dataclass
from typing import Final

from hw import atomics
from hw.spec.virtio import (
    AVAIL_F_NO_INTERRUPT,
    DESC_F_INDIRECT,
    DESC_F_NEXT,
    DESC_F_WRITE,
    RING_OFFSET,
    VirtqDesc,
    VirtqUsed,
    VirtqUsedElem,
)
from hw.virtio.memory import DriverError, GuestMemory
from hw.virtio.state import QueueState

Segment = tuple[int, int]  #: address, bytes
_MAX_CHAIN_BYTES: Final = 1 << 32
_USED_IDX: Final = VirtqUsed.offset_of("idx")


@dataclass(frozen=True)
class Chain:
    """Buffers of one request: what the device reads, then what it writes."""

    head: int
    readable: tuple[Segment, ...]
    writable: tuple[Segment, ...]


class Queue:
    """The device's view of one queue."""

    __slots__ = ("_memory", "_state")

    def __init__(self, state: QueueState, memory: GuestMemory) -> None:
        self._state = state
        self._memory = memory

    def _u16(self, addr: int) -> int:
        return int.from_bytes(self._memory.read(addr, 2), "little")

    def waiting(self) -> int:
        """Return how many chains the driver has made available."""
        state = self._state
        if not state.enable:
            return 0
        return (self._u16(state.driver + 2) - state.next_avail) & 0xFFFF

    def take(self) -> Chain | None:
        """Take the next chain, None if the driver has made none available.

        Raises:
            DriverError: the rings are not as the specification says.

        """
        state = self._state
        waiting = self.waiting()
        if not waiting:
            return None
        if waiting > state.size:
            raise DriverError(f"{waiting} chains in a ring of {state.size}")
        slot = state.next_avail & (state.size - 1)
        head = self._u16(state.driver + RING_OFFSET + 2 * slot)
        chain = self._follow(head)
        state.next_avail = (state.next_avail + 1) & 0xFFFF
        return chain

    def _follow(self, head: int) -> Chain:
        state = self._state
        readable: list[Segment] = []
        writable: list[Segment] = []
        table, size, index, total, indirect = state.desc, state.size, head, 0, False
        for _ in range(2 * state.size):
            if index >= size:
                raise DriverError(f"descriptor {index} of {size}")
            addr, length, flags, following = self._descriptor(table, index)
            if flags & DESC_F_INDIRECT:
                if indirect or flags & DESC_F_NEXT or not length or length % VirtqDesc.SIZE:
                    raise DriverError("bad indirect descriptor")
                table, size, index, indirect = addr, length // VirtqDesc.SIZE, 0, True
                continue
            total += length
            if total > _MAX_CHAIN_BYTES:
                raise DriverError("chain of more than 4 GiB")
            if flags & DESC_F_WRITE:
                writable.append((addr, length))
            elif writable:
                raise DriverError("readable descriptor after a writable one")
            else:
                readable.append((addr, length))
            if not flags & DESC_F_NEXT:
                return Chain(head, tuple(readable), tuple(writable))
            index = following
        raise DriverError("chain has a loop")

    def _descriptor(self, table: int, index: int) -> tuple[int, int, int, int]:
        raw = VirtqDesc.from_buffer_copy(
            self._memory.read(table + VirtqDesc.SIZE * index, VirtqDesc.SIZE)
        )
        return raw.addr, raw.len, raw.flags, raw.next

    def give(self, chain: Chain, written: int) -> bool:
        """Give a chain back; return whether the driver wants an interrupt."""
        state = self._state
        place = (
            state.device + RING_OFFSET + VirtqUsedElem.SIZE * (state.next_used & (state.size - 1))
        )
        self._memory.write(place, bytes(VirtqUsedElem(chain.head, written)))
        state.next_used = (state.next_used + 1) & 0xFFFF
        self._memory.write(state.device + _USED_IDX, state.next_used.to_bytes(2, "little"))
        atomics.fence()
        return not self._u16(state.driver) & AVAIL_F_NO_INTERRUPT


def gather(memory: GuestMemory, segments: tuple[Segment, ...], limit: int) -> bytes:
    """Return the bytes of segments, at most ``limit``."""
    parts = []
    for addr, length in segments:
        size = min(length, limit)
        parts.append(memory.read(addr, size))
        limit -= size
        if not limit:
            break
    return b"".join(parts)


def scatter(memory: GuestMemory, segments: tuple[Segment, ...], data: bytes) -> int:
    """Store bytes into segments; return how many fitted."""
    done = 0
    for addr, length in segments:
        part = data[done : done + length]
        if part:
            memory.write(addr, part)
            done += len(part)
    return done


def cut(segments: tuple[Segment, ...], start: int, size: int) -> tuple[Segment, ...]:
    """Return ``size`` bytes of segments from byte ``start`` on."""
    result = []
    for addr, length in segments:
        if start >= length:
            start -= length
            continue
        take = min(length - start, size)
        if take:
            result.append((addr + start, take))
        size -= take
        start = 0
    return tuple(result)


def size_of(segments: tuple[Segment, ...]) -> int:
    """Return the bytes of segments."""
    return sum(length for _, length in segments)
