"""The trace: what happened, when, on which core, in rings of board memory.

One ring a party (each core and the device process), written by its owner only, so that recording
takes no lock and works in interrupts. Off, a point costs the test of one word. The launcher reads
all rings when the machine has ended and merges them by time.

    from hw import trace
    if trace.CONTROL.enabled:
        trace.record(party, trace.DEVICE_REQUEST, sector, count)

State: board memory. Locks: none. Context: any.
"""

import ctypes
import os
from collections.abc import Iterator
from typing import Annotated, Final

from hw import clock, ram
from hw.irq.party import PARTIES, name_of
from hw.spec.layout import Layout, atomic, layout, this_cpu, u32, u64
from hw.spec.memory_map import MAX_CPUS

#: Records a party keeps; the oldest are overwritten.
RECORDS: Final = 1 << 14

# Kinds of records, in the order of the way of a page fault.
INSTRUCTION: Final = 1
TRAP: Final = 2
PAGE_FAULT: Final = 3
FILE_PAGE: Final = 4
BLOCK_REQUEST: Final = 5
DRIVER_REQUEST: Final = 6
DEVICE_REQUEST: Final = 7
INTERRUPT_SENT: Final = 8
INTERRUPT_TAKEN: Final = 9
TASK_WOKEN: Final = 10
TASK_RUNS: Final = 11
SYSTEM_CALL: Final = 12

#: By kind: where it stands in the walk, and its text.
TEXTS: Final = {
    INSTRUCTION: ("1 instruction", "stops at rip {0:#x}"),
    TRAP: ("2 trap", "page fault at {0:#x}, error code {1:#x}"),
    PAGE_FAULT: ("3 page fault", "{0:#x} is page {1} of a file"),
    FILE_PAGE: ("4 file", "page {1} of inode {0}"),
    BLOCK_REQUEST: ("5 request", "{1} sectors from {0}"),
    DRIVER_REQUEST: ("6 driver", "sector {0} in descriptor {1}"),
    DEVICE_REQUEST: ("7 device", "{1} bytes from sector {0}"),
    INTERRUPT_SENT: ("8 interrupt leaves", "vector {0:#x} to APIC id {1}"),
    INTERRUPT_TAKEN: ("9 interrupt arrives", "vector {0:#x}"),
    TASK_WOKEN: ("10 task wakes", "task {0} on core {1}"),
    TASK_RUNS: ("11 task runs", "task {0}, rip {1:#x}"),
    SYSTEM_CALL: ("system call", "number {0} of task {1}"),
}


@layout(size=32)
class Record(Layout):
    """One event."""

    tsc: Annotated[u64, this_cpu]
    kind: Annotated[u64, this_cpu]
    first: Annotated[u64, this_cpu]
    second: Annotated[u64, this_cpu]


@layout(size=64)
class RingHead(Layout):
    """How much a party has recorded."""

    written: Annotated[u64, this_cpu]
    reserved_0x008: u64
    reserved_0x010: u64
    reserved_0x018: u64
    reserved_0x020: u64
    reserved_0x028: u64
    reserved_0x030: u64
    reserved_0x038: u64


@layout(size=8)
class TraceControl(Layout):
    """Whether anybody records."""

    enabled: Annotated[u32, atomic]
    reserved_0x004: u32


_PARTIES: Final = MAX_CPUS + 1
CONTROL: Final = ram.BOARD.place(TraceControl)
HEADS: Final = ram.BOARD.place_array(RingHead, _PARTIES)
_RINGS: Final = ram.BOARD.reserve(_PARTIES * RECORDS * Record.SIZE, align=4096)


def record(party: int, kind: int, first: int = 0, second: int = 0) -> None:
    """Record an event of this party. The caller has tested CONTROL.enabled."""
    head = HEADS[party]
    at = _RINGS + (party * RECORDS + head.written % RECORDS) * Record.SIZE
    entry = Record.from_address(at)
    entry.tsc, entry.kind, entry.first, entry.second = clock.tsc(), kind, first, second
    head.written += 1


def record_here(kind: int, first: int = 0, second: int = 0) -> None:
    """Record an event of whichever party this process is."""
    here = os.getpid()
    for party in range(_PARTIES):
        if PARTIES[party].pid == here:
            record(party, kind, first, second)
            return


def records(party: int) -> Iterator[Record]:
    """What a party's ring holds, oldest first."""
    written = HEADS[party].written
    for number in range(max(0, written - RECORDS), written):
        at = _RINGS + (party * RECORDS + number % RECORDS) * Record.SIZE
        yield Record.from_buffer_copy(ctypes.string_at(at, Record.SIZE))


def lines() -> list[str]:
    """All events as text, by time; once the machine has ended."""
    events = []
    for party in range(_PARTIES):
        events += [(e.tsc, party, e.kind, e.first, e.second) for e in records(party)]
    text = []
    for tsc, party, kind, first, second in sorted(events):
        seconds, ns = divmod(clock.ns_of(tsc), clock.NS_PER_SECOND)
        station, form = TEXTS[kind]
        what = form.format(first, second)
        text.append(f"[{seconds:5d}.{ns // 1000:06d}] {name_of(party):14} {station:20} {what}")
    return text
