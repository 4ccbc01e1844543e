"""What the cores and the compiler of regions share.

    block ---> RegionRecord: native code | handler of its first micro-op | the other pages it spans
    REGIONS:   a ring of blocks that want a region; how much of the code memory is used

A block gets its region by two stores: the record's address into the block's header, then the number
of the handler ``region`` into its first micro-op. The first micro-op's own number is kept in the
record. Records and code are never changed once published, and go when the arena is emptied; the
lock keeps the compiler from publishing into an arena that is being emptied.

State: board memory. Locks: REGIONS.lock. Context: any.
"""

from typing import Annotated, Final

from hw.atomics import AtomicU64
from hw.bus.raw_lock import RawLock
from hw.irq import doorbell
from hw.irq.party import COMPILER_PARTY
from hw.ram import CORE_BOARD
from hw.spec.layout import Layout, atomic, fixed, layout, u64

#: Pages that a region may span besides that of its first block.
MAX_PAGES: Final = 4
#: Requests that may wait; older ones are lost, and asked for again.
RING_SLOTS: Final = 64
#: In a block's header instead of a record: it gets no region.
REFUSED: Final = 1
#: Chunks that begin at a block before a region is asked for: a power of two, at least 2.
OFTEN: Final = 64


@layout(size=24)
class RegionPage(Layout):
    """A page of code that a region stands on."""

    page: Annotated[u64, fixed]  #: guest address
    frame: Annotated[u64, fixed]
    version: Annotated[u64, fixed]


@layout(size=24)
class RegionRecord(Layout):
    """Stands before a region's code; ``page_count`` RegionPages follow it."""

    code: Annotated[u64, fixed]  #: host address where it is executed
    handler: Annotated[u64, fixed]  #: what the first micro-op's handler was
    page_count: Annotated[u64, fixed]


@layout(size=24)
class Request(Layout):
    """A hot block, and the core that met it."""

    block: Annotated[u64, atomic]  #: host address of its first micro-op
    core: Annotated[u64, atomic]
    epoch: Annotated[u64, atomic]  #: of the arena, when it was found


@layout(size=40)
class RegionHeader(Layout):
    """Who wants regions and where they go."""

    lock: RawLock
    often: Annotated[u64, atomic]  #: OFTEN, or 0: no regions
    used: AtomicU64  #: bytes of code memory given out
    asked: AtomicU64  #: requests made since power-on
    compiled: AtomicU64  #: regions published since power-on


REGIONS: Final = CORE_BOARD.place(RegionHeader)
REQUESTS: Final = CORE_BOARD.place_array(Request, RING_SLOTS, align=8)


def request(block: int, core: int, epoch: int) -> None:
    """Ask for a region that begins at a block, which a core found in an epoch of the arena."""
    slot = REQUESTS[REGIONS.asked.add(1) % RING_SLOTS]
    slot.core, slot.epoch = core, epoch
    slot.block = block
    doorbell.ring(COMPILER_PARTY)
