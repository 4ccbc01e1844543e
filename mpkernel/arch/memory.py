"""The kernel's door to physical memory, and its data segment.

The kernel reaches RAM by physical address: there is no kernel half in its page tables. Kernel
objects of fixed number are placed in the data segment at import time, as a linker would:

    RUN_QUEUES: Final = static_array(RunQueue, MAX_CPUS)

State: RAM. Locks: those of the objects placed. Context: any.
"""

from typing import Final, TypeVar

from hw import ram
from hw.ram import Segment
from hw.spec.layout import DIRECT_MAP, Layout
from hw.spec.memory_map import KERNEL_DATA_BASE, KERNEL_DATA_SIZE

T = TypeVar("T", bound=Layout)

DATA: Final = Segment(DIRECT_MAP + KERNEL_DATA_BASE, KERNEL_DATA_SIZE)

read = ram.read
write = ram.write
zero = ram.zero
copy = ram.copy
view = ram.view
words = ram.words
array = ram.array
written = ram.written

#: Place for notes about the kernel (ram's ledger), which nothing of the kernel stands on.
LEDGER: Final = ram.LEDGER
read_ledger = ram.read_ledger
write_ledger = ram.write_ledger
ledger_words = ram.ledger_words


def static(kind: type[T]) -> T:
    """Place one zeroed object in the data segment. Import time only."""
    return DATA.place(kind)


def static_array(kind: type[T], count: int) -> tuple[T, ...]:
    """Place ``count`` zeroed objects, each on a cache line of its own. Import time only."""
    return DATA.place_array(kind, count)


def ram_end() -> int:
    """First physical address above all RAM."""
    return ram.HEADER.ram_end
