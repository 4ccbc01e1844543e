"""Kinds of addresses, which do not mix; conversions are named functions.

State: none. Context: any.
"""

from typing import Final, NewType

PhysAddr = NewType("PhysAddr", int)
VirtAddr = NewType("VirtAddr", int)
GuestPhysAddr = NewType("GuestPhysAddr", int)
Pfn = NewType("Pfn", int)

PAGE_SHIFT: Final = 12
PAGE_SIZE: Final = 1 << PAGE_SHIFT
PAGE_MASK: Final = ~(PAGE_SIZE - 1)


def pfn_of(addr: int) -> Pfn:
    """The frame that holds a physical address."""
    return Pfn(addr >> PAGE_SHIFT)


def phys_of(pfn: int) -> PhysAddr:
    """First physical address of a frame."""
    return PhysAddr(pfn << PAGE_SHIFT)


def page_down(addr: int) -> int:
    """``addr`` rounded down to a page border."""
    return addr & PAGE_MASK


def page_up(addr: int) -> int:
    """``addr`` rounded up to a page border."""
    return (addr + PAGE_SIZE - 1) & PAGE_MASK


def is_canonical(addr: int) -> bool:
    """Whether a 64-bit address has bits 63 to 47 alike (AMD APM vol. 2, 1.1.3)."""
    return (addr >> 47) in (0, 0x1FFFF)
