"""Where the native code of regions lies, with the records that describe it.

    RegionRecord | RegionPage ... | code, aligned | RegionRecord ...

It is written at CODE_WRITE_MAP and executed at CODE_MAP; nothing in it is changed or reused before
the arena of blocks is emptied, and this memory with it.

State: the code memory, REGIONS.used. Locks: the caller holds REGIONS.lock. Context: any.
"""

import ctypes
from collections.abc import Sequence
from typing import Final

from hw.cpu.regions.record import REGIONS, RegionPage, RegionRecord
from hw.ram import CODE_MAP, CODE_SIZE, CODE_WRITE_MAP

_ALIGN: Final = 64

#: Guest address, frame, version.
Page = tuple[int, int, int]


def record_at(address: int) -> RegionRecord:
    """The record of a region."""
    return RegionRecord.from_address(address)


def place(code: bytes, entry: int, handler: int, pages: Sequence[Page]) -> int | None:
    """Put a region into memory; the address of its record, None if there is no room."""
    head = _aligned(RegionRecord.SIZE + len(pages) * RegionPage.SIZE)
    start = REGIONS.used.load()
    end = start + head + _aligned(len(code))
    if end > CODE_SIZE:
        return None
    REGIONS.used.store(end)
    at = CODE_WRITE_MAP + start
    ctypes.memmove(at + head, code, len(code))
    record = record_at(at)
    record.code = CODE_MAP + start + head + entry
    record.handler = handler
    record.page_count = len(pages)
    for number, page in enumerate(pages):
        where = at + RegionRecord.SIZE + number * RegionPage.SIZE
        spanned = RegionPage.from_address(where)
        spanned.page, spanned.frame, spanned.version = page
    return at


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
