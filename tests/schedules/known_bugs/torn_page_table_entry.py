"""A page-table entry is written in halves, the present bit first: the walker sees a wrong frame."""

from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64

KIND, TOOL, WITHIN = "assertion", "random", 20
FRAME, PRESENT = 0x7000, 1


def setup(k):
    return memory.words(k.place(AtomicU64).phys, 1)


def core0(k, table):
    table[0] |= PRESENT
    table[0] |= FRAME


def core0_repaired(k, table):
    table[0] = FRAME | PRESENT


def core1(k, table):
    entry = table[0]
    if entry & PRESENT:
        assert entry & ~0xFFF == FRAME, "the walker goes to a frame that nobody mapped"
