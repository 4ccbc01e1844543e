"""Slab caches: kernel objects of one size, cut from frames. Objects start zeroed.

    TASKS: Final = slab.cache("task", Task)      # at import time, in every process alike
    task = Task.at(TASKS.alloc())

Free objects are a list through themselves. The second word of a free object marks it as free, so
that an object freed twice is noticed. Frames that became slabs stay slabs.

State: RAM. Locks: SLAB, over FRAMES, with interrupts off. Context: any; nothing sleeps.
"""

from typing import Annotated, Final

from hw.spec.address import PAGE_SIZE, page_up
from hw.spec.layout import Layout, guarded_by, layout, u32, u64
from mpkernel.arch import memory
from mpkernel.arch.cpu import cpu
from mpkernel.mm import frames
from mpkernel.panic import panic
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

_ALIGN: Final = 64
#: Second word of a free object, changed by its address so that no copied object looks free.
_FREE: Final = 0xF4EE_0B1E_C7F4_EE0B


@layout()
class SlabState(Layout):
    """What all CPUs share of a cache. All zero is a cache that has no object yet."""

    lock: Spinlock
    free: Annotated[u64, guarded_by("lock")]  #: first free object, 0 for none
    in_use: Annotated[u32, guarded_by("lock")]  #: objects handed out
    total: Annotated[u32, guarded_by("lock")]  #: objects, free or not


@layout(size=16)
class FreeObject(Layout):
    """The first bytes of an object that is free."""

    next: u64
    mark: u64


class SlabCache:
    """One kind of objects."""

    __slots__ = ("name", "object_bytes", "slab_frames", "state")

    def __init__(self, name: str, size: int) -> None:
        self.name: Final = name
        self.object_bytes: Final = -(-size // _ALIGN) * _ALIGN
        self.slab_frames: Final = page_up(self.object_bytes) // PAGE_SIZE
        self.state: Final = memory.static(SlabState)

    def alloc(self) -> int:
        """Physical address of a zeroed object.

        Raises:
            SysError: ENOMEM.
        """
        state = self.state
        state.lock.init_static(ranks.SLAB)
        with state.lock.irqsave():
            if not state.free:
                self._grow_locked()
            addr: int = state.free
            first = FreeObject.at(addr)
            if first.mark != _FREE ^ addr:
                panic(f"free {self.name} {addr:#x} was written to")
            state.free = first.next
            state.in_use += 1
        memory.zero(addr, self.object_bytes)
        return addr

    def free(self, addr: int) -> None:
        """Take an object back; panics if it is free already."""
        watch = cpu().lockdep
        if watch is not None:
            watch.freed(addr, self.object_bytes)
        state = self.state
        with state.lock.irqsave():
            first = FreeObject.at(addr)
            if first.mark == _FREE ^ addr:
                panic(f"{self.name} {addr:#x} is freed twice")
            first.mark = _FREE ^ addr
            first.next = state.free
            state.free = addr
            state.in_use -= 1

    @property
    def per_slab(self) -> int:
        """Objects cut from one slab."""
        return self.slab_frames * PAGE_SIZE // self.object_bytes

    @property
    def total(self) -> int:
        """Objects, free or not."""
        count: int = self.state.total
        return count

    @property
    def in_use(self) -> int:
        """Objects handed out."""
        count: int = self.state.in_use
        return count

    def _grow_locked(self) -> None:
        """Cut frames into free objects, lowest first in the list."""
        size, state = self.object_bytes, self.state
        count = self.slab_frames
        start = frames.alloc_frame() if count == 1 else frames.alloc_contiguous(count)
        for addr in range(start + (self.per_slab - 1) * size, start - 1, -size):
            first = FreeObject.at(addr)
            first.mark = _FREE ^ addr
            first.next = state.free
            state.free = addr
            state.total += 1


#: All caches, in the order of their modules' import, which is the same in every process.
CACHES: Final[list[SlabCache]] = []


def frame_count() -> int:
    """Frames that are slabs."""
    return sum(cache.total // cache.per_slab * cache.slab_frames for cache in CACHES)


def cache(name: str, kind: type[Layout]) -> SlabCache:
    """Declare a cache for objects of ``kind``. Import time only."""
    made = SlabCache(name, kind.SIZE)
    CACHES.append(made)
    return made
