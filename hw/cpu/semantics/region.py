"""The handler that stands for a whole region.

It takes the place of the first micro-op's handler in a block that has a region. The region's first
page is the block's own, so it is right whenever the block is; the other pages must still be mapped
to the frames it was made from, unwritten, or the block runs as it was.

Context: native code; the oracle never meets it.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.control import dispatch_as, go_native, micro_op_address
from hw.cpu.exits import EXIT_NONE
from hw.cpu.memory_primitives import get, host_load
from hw.cpu.micro_op import MicroOp
from hw.cpu.primitives import u64
from hw.cpu.regions.record import RegionPage, RegionRecord
from hw.cpu.semantics.handler import Handler
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.cpu.tlb import ADDEND, FETCH_TAG, entry_of, fill
from hw.ram import FRAME_VERSIONS
from hw.spec.layout import DIRECT_MAP
from hw.spec.paging import ACCESS_FETCH

_CODE: Final = RegionRecord.offset_of("code")
_HANDLER: Final = RegionRecord.offset_of("handler")
_PAGE_COUNT: Final = RegionRecord.offset_of("page_count")
_PAGE: Final = RegionPage.offset_of("page")
_FRAME: Final = RegionPage.offset_of("frame")
_VERSION: Final = RegionPage.offset_of("version")


def _frame_of(s: CpuState, page: int) -> int:
    """Host address of a page of code; 0 if it cannot be fetched, which is no fault yet."""
    entry = entry_of(page)
    if get(s, entry + FETCH_TAG, 64) == page:
        return u64(page + get(s, entry + ADDEND, 64))
    cr2 = s.cr2
    found = fill(s, page, ACCESS_FETCH)
    if s.fault != 0:
        s.fault = 0
        s.exit_reason = EXIT_NONE
        s.cr2 = cr2
        return 0
    return found


@noinline
def pages_agree(s: CpuState, record: int) -> bool:
    """Whether the pages a region spans are those that it was made from."""
    place = record + RegionRecord.SIZE
    end = place + host_load(record + _PAGE_COUNT, 64) * RegionPage.SIZE
    while place < end:
        frame = host_load(place + _FRAME, 64)
        if _frame_of(s, host_load(place + _PAGE, 64)) != DIRECT_MAP + frame:
            return False
        version = host_load(FRAME_VERSIONS + (frame >> 12) * 4, 32)
        if version != host_load(place + _VERSION, 64):
            return False
        place += RegionPage.SIZE
    return True


def enter_region(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Run the region of the block that begins here, or the block itself."""
    record = host_load(micro_op_address(0) - 8, 64)
    if host_load(record + _PAGE_COUNT, 64) != 0:  # noqa: SIM102 `and` would always call
        if not pages_agree(s, record):
            dispatch_as(host_load(record + _HANDLER, 64))
    go_native(host_load(record + _CODE, 64))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("region", enter_region)
