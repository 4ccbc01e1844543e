"""The frames that are free: a bitmap for all, and a few frames at hand on each CPU.

The bitmap is searched lowest first, so that a host page once touched is used again. Each CPU keeps
a magazine of free frames and goes to the bitmap, under its lock, for half a magazine at a time.
A magazine is touched by its own CPU only, and never across a safepoint: so it needs no lock.

    RAM range: | bitmap, one bit a frame, 1 = free | page descriptors | free frames ... |

State: RAM; the rest of RAM is zero when the machine starts. Locks: FRAMES, with interrupts off.
Context: any; nothing sleeps.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.address import PAGE_SHIFT, PAGE_SIZE, page_down, page_up
from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, this_cpu, u32, u64
from hw.spec.memory_map import MAX_CPUS
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

#: Bytes of one frame's descriptor (mm.page.Page).
DESCRIPTOR_BYTES: Final = 32
#: Frames in a full magazine, and how many go to or from the bitmap at once.
MAGAZINE: Final = 32
BATCH: Final = MAGAZINE // 2
_CHUNK: Final = 4096


@layout()
class Zone(Layout):
    """All RAM that the kernel hands out."""

    lock: Spinlock
    bitmap: Annotated[u64, fixed]  #: physical address
    words: Annotated[u64, fixed]  #: 64-bit words of the bitmap
    descriptors: Annotated[u64, fixed]  #: physical address of frame 0's descriptor
    total: Annotated[u64, fixed]  #: frames handed out or free
    free: Annotated[u64, atomic]  #: bits set; changes under the lock
    first_word: Annotated[u64, guarded_by("lock")]  #: all words below are 0


@layout()
class Magazine(Layout):
    """Free frames at hand on one CPU."""

    count: Annotated[u32, atomic]  #: of its CPU; others read it to say how many are free
    frames: Annotated[Any, ctypes.c_uint64 * MAGAZINE, this_cpu]


ZONE: Final = memory.static(Zone)
MAGAZINES: Final = PerCpu(Magazine)


def init(ranges: list[tuple[int, int]]) -> None:
    """Manage the RAM in ``ranges`` [start, end), which nobody uses. Once, before any allocation."""
    ranges = [(page_up(start), page_down(end)) for start, end in ranges]
    frames = max(end for _, end in ranges) >> PAGE_SHIFT
    words = -(-frames // 64)
    own = page_up(words * 8) + page_up(frames * DESCRIPTOR_BYTES)
    home = next(index for index, (start, end) in enumerate(ranges) if end - start > own)
    start, end = ranges[home]
    ZONE.lock.init(ranks.FRAMES)
    ZONE.bitmap, ZONE.words = start, words
    ZONE.descriptors = start + page_up(words * 8)
    ZONE.first_word = 0
    memory.zero(start, words * 8)
    ranges[home] = (start + own, end)
    bits = 0
    for low, high in ranges:
        if high > low:
            bits |= ((1 << ((high - low) >> PAGE_SHIFT)) - 1) << (low >> PAGE_SHIFT)
    memory.write(ZONE.bitmap, bits.to_bytes(words * 8, "little"))
    ZONE.total = ZONE.free = bits.bit_count()


def take() -> int:
    """A free frame, with what bytes its last user left.

    Raises:
        SysError: ENOMEM.
    """
    while True:
        mine = MAGAZINES.of(cpu().index)
        count = mine.count
        if count:
            mine.count = count - 1
            frame: int = mine.frames[count - 1]
            return frame
        _refill()


def give(frame: int) -> None:
    """Take a frame back that nobody uses any more."""
    watch = cpu().lockdep
    if watch is not None:
        watch.freed(frame, PAGE_SIZE)
    while True:
        mine = MAGAZINES.of(cpu().index)
        count = mine.count
        if count < MAGAZINE:
            mine.frames[count] = frame
            mine.count = count + 1
            return
        with ZONE.lock.irqsave():
            if mine.count == MAGAZINE:
                mine.count = MAGAZINE - BATCH
                for index in range(MAGAZINE - BATCH, MAGAZINE):
                    _set_free_locked(mine.frames[index])


def take_contiguous(count: int) -> int:
    """First of ``count`` free frames in a row.

    Raises:
        SysError: ENOMEM.
    """
    with ZONE.lock.irqsave():
        bits = int.from_bytes(memory.read(ZONE.bitmap, ZONE.words * 8), "little")
        runs, have = bits, 1
        while have < count and runs:
            step = min(have, count - have)
            runs &= runs >> step
            have += step
        if not runs:
            raise SysError(Errno.ENOMEM)
        first = (runs & -runs).bit_length() - 1
        words = memory.words(ZONE.bitmap, ZONE.words)
        for pfn in range(first, first + count):
            words[pfn >> 6] &= ~(1 << (pfn & 63)) & 0xFFFF_FFFF_FFFF_FFFF
        ZONE.free -= count
        return first << PAGE_SHIFT


def free_count() -> int:
    """Frames free now, those in magazines included; true for a moment only."""
    return ZONE.free + sum(MAGAZINES.of(index).count for index in range(MAX_CPUS))


def holds(frame: int) -> bool:
    """Whether an address is that of a frame with a descriptor."""
    return not frame % PAGE_SIZE and 0 < frame >> PAGE_SHIFT < ZONE.words * 64


def _refill() -> None:
    """Half a magazine from the bitmap, for the CPU that runs this."""
    with ZONE.lock.irqsave():
        mine = MAGAZINES.of(cpu().index)
        words = memory.words(ZONE.bitmap, ZONE.words)
        index = _first_word_locked()
        count = mine.count
        while count < BATCH and index < ZONE.words:
            word = words[index]
            if not word:
                index += 1
                continue
            bit = word & -word
            words[index] = word ^ bit
            mine.frames[count] = (index * 64 + bit.bit_length() - 1) << PAGE_SHIFT
            count += 1
            ZONE.free -= 1
        mine.count = count
        if not count:
            raise SysError(Errno.ENOMEM)


def _first_word_locked() -> int:
    """Index of the first word with a free frame, ZONE.words if there is none."""
    index: int = ZONE.first_word
    end: int = ZONE.words
    while index < end:
        size = min(_CHUNK, 8 * (end - index))
        rest = memory.read(ZONE.bitmap + 8 * index, size).lstrip(b"\0")
        index += (size - len(rest)) // 8
        if rest:
            break
    ZONE.first_word = index
    return index


def _set_free_locked(frame: int) -> None:
    pfn = frame >> PAGE_SHIFT
    word = pfn >> 6
    memory.words(ZONE.bitmap + 8 * word, 1)[0] |= 1 << (pfn & 63)
    ZONE.free += 1
    ZONE.first_word = min(ZONE.first_word, word)
