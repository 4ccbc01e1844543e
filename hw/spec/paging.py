"""Page-table entries and page-fault error codes.

     63   62..52  51........12  11..9   8   7   6   5   4   3   2   1   0
    +----+-------+-------------+------+---+---+---+---+---+---+---+---+---+
    | NX | soft  | frame       | soft | G |PS | D | A |PCD|PWT| U | W | P |
    +----+-------+-------------+------+---+---+---+---+---+---+---+---+---+

Spec: AMD64 APM vol. 2, 5.3 and 8.4.2.
State: none. Context: any.
"""

from typing import Final

PTE_PRESENT: Final = 1 << 0
PTE_WRITABLE: Final = 1 << 1
PTE_USER: Final = 1 << 2
PTE_WRITE_THROUGH: Final = 1 << 3
PTE_CACHE_DISABLE: Final = 1 << 4
PTE_ACCESSED: Final = 1 << 5
PTE_DIRTY: Final = 1 << 6
PTE_LARGE: Final = 1 << 7  #: in a PDE: 2 MiB page; in a PDPTE: 1 GiB page
PTE_GLOBAL: Final = 1 << 8
PTE_SOFTWARE_0: Final = 1 << 9
PTE_SOFTWARE_1: Final = 1 << 10
PTE_SOFTWARE_2: Final = 1 << 11
PTE_NO_EXECUTE: Final = 1 << 63

#: Width of physical addresses that this machine's cores have (CPUID 8000_0008).
PHYS_BITS: Final = 40
#: Frame address of an entry.
PTE_FRAME_MASK: Final = ((1 << PHYS_BITS) - 1) & ~0xFFF
#: Address bits above PHYS_BITS: reserved, must be zero.
PTE_RESERVED: Final = ((1 << 52) - 1) & ~((1 << PHYS_BITS) - 1)

#: Bits of a page fault's error code.
FAULT_PRESENT: Final = 1 << 0  #: the page is there, the access is not allowed
FAULT_WRITE: Final = 1 << 1
FAULT_USER: Final = 1 << 2
FAULT_RESERVED: Final = 1 << 3  #: a reserved bit is set in an entry
FAULT_FETCH: Final = 1 << 4

#: Kinds of access, as ``walker.translate`` takes them: bits of the error code they would give.
ACCESS_READ: Final = 0
ACCESS_WRITE: Final = FAULT_WRITE
ACCESS_FETCH: Final = FAULT_FETCH
ACCESS_USER: Final = FAULT_USER
