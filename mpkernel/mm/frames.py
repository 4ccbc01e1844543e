"""Frames of 4 KiB, handed out and taken back. A new frame has one reference, the caller's.

State: RAM. Locks: FRAMES, inside. Context: any; nothing sleeps and nothing is reclaimed.
"""

from hw.spec.address import PAGE_SIZE
from mpkernel.arch import memory
from mpkernel.mm import zone
from mpkernel.mm.page import Page
from mpkernel.panic import panic

init = zone.init
free_count = zone.free_count


def alloc_frame() -> int:
    """Physical address of a frame; its bytes are whatever its last user left.

    Raises:
        SysError: ENOMEM.
    """
    frame = zone.take()
    _begin(frame)
    return frame


def alloc_zeroed_frame() -> int:
    """Physical address of a frame full of zeros.

    Raises:
        SysError: ENOMEM.
    """
    frame = zone.take()
    _begin(frame)
    memory.zero(frame, PAGE_SIZE)
    return frame


def alloc_contiguous(count: int) -> int:
    """Physical address of ``count`` frames in a row, each with a reference of its own.

    Raises:
        SysError: ENOMEM.
    """
    first = zone.take_contiguous(count)
    for frame in range(first, first + count * PAGE_SIZE, PAGE_SIZE):
        _begin(frame)
    return first


def free_frame(frame: int) -> None:
    """Give back a frame of which the caller has the only reference; panics if it has not."""
    if not zone.holds(frame):
        panic(f"{frame:#x} is freed, which is no frame")
    references = Page.of(frame).references
    had = references.cas(1, 0)
    if had != 1:
        panic(f"frame {frame:#x} is freed " + (f"with {had} references" if had else "twice"))
    zone.give(frame)


def total_count() -> int:
    """Frames of RAM that the kernel hands out, free or not."""
    total: int = zone.ZONE.total
    return total


def _begin(frame: int) -> None:
    references = Page.of(frame).references
    if references.xchg(1):
        panic(f"frame {frame:#x} was in use and free at once")
