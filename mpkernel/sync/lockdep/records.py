"""Records of the validator in the ledger, which all CPUs add to without a lock.

    bucket -> record -> record          new ones go to the front, by compare-and-set
    record = header, bytes              found again by their bytes: each content has one address

A record is never taken away and its bytes never change, so its address stands for its content;
what does change stands in a layout behind them. The ledger's memory is the only limit; once it is
used up nothing new is recorded, and that is the last report.

State: the ledger. Locks: none. Context: any.
"""

import zlib
from collections.abc import Iterator
from typing import Annotated, Final

from hw.spec.layout import DIRECT_MAP, Layout, fixed, layout, u32, u64
from hw.spec.memory_map import MIB
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64, cas64, load64

# Kinds of records.
SITE: Final = 1  #: "file:line function"
STACK: Final = 2  #: addresses of sites, innermost first
CHAIN: Final = 3  #: the steps of a chain of locks held
FINDING: Final = 4  #: what a report is about; once reported, it is not reported again
REPORT: Final = 5  #: a report, as JSON
CLASS: Final = 6  #: a key; behind it graph.ClassNode
EDGE: Final = 7  #: two classes; behind them graph.EdgeNode

_BUCKETS: Final = 1 << 14


@layout(size=8)
class ArenaHead(Layout):
    """How much of an arena is used."""

    used: AtomicU64


@layout(size=24)
class RecordHeader(Layout):
    """What stands before a record's bytes."""

    next: Annotated[u64, fixed]  #: record before this one in its bucket, 0 for none
    hash: Annotated[u32, fixed]
    kind: Annotated[u32, fixed]
    size: Annotated[u64, fixed]  #: bytes


class Arena:
    """A part of the ledger, given out from its start to its end."""

    def __init__(self, size: int) -> None:
        self.size: Final = size
        self._head: Final = memory.LEDGER.place(ArenaHead)
        self._base: Final = memory.LEDGER.reserve(size, align=4096) - DIRECT_MAP

    def allocate(self, size: int) -> int:
        """Address of ``size`` zeroed bytes, as layouts' ``at`` wants it; 0 if there is no room."""
        size = -(-size // 8) * 8
        at = self._head.used.add(size)
        return self._base + at if at + size <= self.size else 0

    @property
    def is_full(self) -> bool:
        """Whether something found no room."""
        return self._head.used.value > self.size

    @property
    def used_bytes(self) -> int:
        """How much is used."""
        return min(self._head.used.value, self.size)

    def clear(self) -> None:
        """Be as at the start."""
        memory.write_ledger(DIRECT_MAP + self._base, bytes(self.used_bytes))
        self._head.used.store(0)


#: Everything but reports: what the validator must know.
NOTES: Final = Arena(768 * MIB)
#: Reports, and what they are about: there is room for them when notes have none.
REPORTS: Final = Arena(32 * MIB)
_TABLE: Final = memory.LEDGER.reserve(8 * _BUCKETS) - DIRECT_MAP


def forget() -> None:
    """Be as empty as at the start. Only where no CPU runs; theirs are then to be made anew."""
    memory.write_ledger(DIRECT_MAP + _TABLE, bytes(8 * _BUCKETS))
    NOTES.clear()
    REPORTS.clear()


def put(kind: int, data: bytes, tail_bytes: int = 0) -> tuple[int, bool]:
    """Record bytes; return the record's address (0 if memory is used up) and whether it is new.

    ``tail_bytes``: room behind the bytes, zeroed, see ``tail``.
    """
    digest = zlib.crc32(data, kind)
    bucket = _TABLE + 8 * (digest % _BUCKETS)
    first = load64(bucket)
    found = _find(first, 0, kind, digest, data)
    if found:
        return found, False
    arena = REPORTS if kind in (FINDING, REPORT) else NOTES
    record = arena.allocate(RecordHeader.SIZE + len(data) + tail_bytes)
    if not record:
        return 0, False
    header = RecordHeader.at(record)
    header.hash, header.kind, header.size = digest, kind, len(data)
    memory.write_ledger(DIRECT_MAP + record + RecordHeader.SIZE, data)
    while True:
        header.next = first
        seen = cas64(bucket, first, record)
        if seen == first:
            return record, True
        found = _find(seen, first, kind, digest, data)
        if found:
            return found, False
        first = seen


def find(kind: int, data: bytes) -> int:
    """Address of the record with these bytes, 0 if there is none."""
    digest = zlib.crc32(data, kind)
    return _find(load64(_TABLE + 8 * (digest % _BUCKETS)), 0, kind, digest, data)


def _find(record: int, end: int, kind: int, digest: int, data: bytes) -> int:
    """Look from ``record`` on, up to ``end``."""
    while record != end:
        header = RecordHeader.at(record)
        if header.hash == digest and header.kind == kind and content(record) == data:
            return record
        record = header.next
    return 0


def content(record: int) -> bytes:
    """A record's bytes."""
    size = RecordHeader.at(record).size
    return memory.read_ledger(DIRECT_MAP + record + RecordHeader.SIZE, size)


def tail(record: int) -> int:
    """Address of the room behind a record's bytes, of which there are a multiple of eight."""
    return record + RecordHeader.SIZE + int(RecordHeader.at(record).size)


def all_of(kind: int) -> Iterator[int]:
    """All records of a kind, in the order in which they were made."""
    found = []
    for bucket in range(_BUCKETS):
        record = load64(_TABLE + 8 * bucket)
        while record:
            header = RecordHeader.at(record)
            if header.kind == kind:
                found.append(record)
            record = header.next
    yield from sorted(found)
