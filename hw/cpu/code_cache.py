"""Decoded code, shared by all cores: an arena of blocks in board memory.

A block is found by (host-physical frame, mode, guest address, version of the frame). Two cores may
decode the same block at once; both publish, the newer is found first. Writing a frame that has
decoded code (FRAME_HAS_CODE) bumps the frame's version, so its blocks are found no more, and sets
PENDING_CODE_WRITTEN on all cores, which then drop TLB and jump cache at their next chunk end.

    bucket -> block header (64 bytes) | micro-op | micro-op | ... | ender
              next | frame | rip | version | second frame | its version | bytes .. hits | region

A block whose last instruction straddles two pages names the second frame; nothing links to it, so
each entry from outside checks that frame too. Records are never reused before the arena is emptied,
which happens while all cores stand still (``hw.cpu.exclusive``) and starts a new epoch.

State: board memory. Locks: none; CAS on bucket heads. Context: Python, and native code to find.
"""

import ctypes
import struct
from collections.abc import Iterator
from typing import Annotated, Final

from hw import atomics
from hw.atomics import AtomicU64
from hw.cpu.memory_primitives import (
    atomic_cas,
    atomic_load,
    atomic_rmw,
    get,
    host_copy,
    host_load,
    host_store,
    put,
)
from hw.cpu.micro_op import MicroOp
from hw.cpu.primitives import u64
from hw.cpu.regions.record import REFUSED, REGIONS, RegionRecord
from hw.cpu.state import JUMP_ENTRIES, JUMP_OFFSET, MODE_FLAGS, CpuState
from hw.cpu.subset import noinline
from hw.cpu.tlb import fetch_page
from hw.ram import CORE_BOARD, FRAME_VERSIONS
from hw.spec.layout import DIRECT_MAP, Layout, atomic, fixed, layout, u16, u32
from hw.spec.layout import u64 as word
from hw.spec.memory_map import MIB

ARENA_SIZE: Final = 64 * MIB
_BUCKETS: Final = 1 << 16
#: Of ``CpuState.mode``: the part that stands in a block's version word.
CODE_BASE: Final = 0xFFFF_FFFF << 32
_BUCKET_MASK: Final = (_BUCKETS - 1) << 3


@layout(size=64)
class Block(Layout):
    """What stands before the micro-ops of a block."""

    next: Annotated[word, fixed]  #: host address of the next block of the bucket
    frame: Annotated[word, fixed]  #: physical address of its frame | MODE_*
    rip: Annotated[word, fixed]
    version: Annotated[word, fixed]  #: of the frame | code segment base << 32
    second_frame: Annotated[word, fixed]  #: physical address | 1, or 0 if it stays in one page
    second_version: Annotated[word, fixed]
    size_bytes: Annotated[u16, fixed]
    instructions: Annotated[u16, fixed]
    hits: Annotated[u32, atomic]  #: chunks that began here
    region: Annotated[word, atomic]  #: host address of its RegionRecord, or 0


@layout(size=24)
class ArenaHeader(Layout):
    """How full the arena is."""

    used: AtomicU64  #: bytes given out; may pass ARENA_SIZE when it is full
    epoch: AtomicU64  #: how often it was emptied
    exclusive: AtomicU64  #: 1 + index of the core that all others stand still for, or 0


HEADER: Final = CORE_BOARD.place(ArenaHeader)
_HEADS: Final = CORE_BOARD.reserve(8 * _BUCKETS, align=4096)
_ARENA: Final = CORE_BOARD.reserve(ARENA_SIZE, align=4096)

_USED_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("used")
_HEADER: Final = struct.Struct("<QQQQQQHHIQ")
_NEXT: Final = Block.offset_of("next")
_FRAME: Final = Block.offset_of("frame")
_RIP: Final = Block.offset_of("rip")
_VERSION: Final = Block.offset_of("version")
SECOND_FRAME: Final = Block.offset_of("second_frame")
_SECOND_VERSION: Final = Block.offset_of("second_version")
_SIZE_BYTES: Final = Block.offset_of("size_bytes")
HITS: Final = Block.offset_of("hits")
REGION: Final = Block.offset_of("region")


def bucket_of(frame: int, rip: int) -> int:
    """Host address of the head of a block's chain."""
    return u64(_HEADS + (u64(((rip ^ (rip >> 13)) << 3) + (frame >> 12) * 0x9E3778) & _BUCKET_MASK))


def version_of(frame: int) -> int:
    """Current version of a frame's code."""
    return host_load(FRAME_VERSIONS + (frame >> 12) * 4, 32)


def find_block(s: CpuState, rip: int) -> int:
    """Host address of the first micro-op of the block at ``rip``; 0: not there, or s.fault."""
    entry = JUMP_OFFSET + (rip & (JUMP_ENTRIES - 1)) * 16
    if get(s, entry, 64) == rip:
        return get(s, entry + 8, 64)
    page = fetch_page(s, rip)
    if s.fault != 0:
        return 0
    frame = page - DIRECT_MAP
    s.code_frame = frame
    block = atomic_load(bucket_of(frame, rip))
    while block != 0:
        if _is_block(block, frame | (s.mode & MODE_FLAGS), rip, s.mode & CODE_BASE):
            agrees = _second_page_agrees(s, block, rip)
            if s.fault != 0:
                return 0
            if agrees:
                put(s, entry, 64, rip)
                put(s, entry + 8, 64, block + Block.SIZE)
                return block + Block.SIZE
        block = host_load(block + _NEXT, 64)
    return 0


def _is_block(block: int, frame: int, rip: int, code_base: int) -> bool:
    """Whether a block is that of (frame | mode flags, address, code segment base << 32)."""
    return (
        host_load(block + _RIP, 64) == rip
        and host_load(block + _FRAME, 64) == frame
        and host_load(block + _VERSION, 64) == (version_of(frame) | code_base)
    )


def _second_page_agrees(s: CpuState, block: int, rip: int) -> bool:
    """Whether the page after a straddling block's is still the one it was decoded from."""
    second = host_load(block + SECOND_FRAME, 64)
    if second == 0:
        return True
    page = fetch_page(s, u64(rip + 4096) & ~0xFFF)
    if s.fault != 0:
        return False
    frame = second & ~0xFFF
    return page == DIRECT_MAP + frame and host_load(block + _SECOND_VERSION, 64) == version_of(
        frame
    )


def packed_header(
    rip: int, size_bytes: int, instructions: int, second: tuple[int, int] = (0, 0)
) -> bytes:
    """Header of a block as ``publish`` takes it.

    ``second`` is the physical address of its second frame | 1, and that frame's version.
    """
    return _HEADER.pack(0, 0, rip, 0, *second, size_bytes, instructions, 0, 0)


@noinline
def publish(records: int, size: int, frame: int, version: int) -> int:
    """Put blocks of a frame into the arena, where all cores find them; 0: there is no room.

    ``records`` is the host address of ``size`` bytes: headers, each followed by its micro-ops.
    The caller has set ``running``, so the arena is not emptied under it. Returns the host address
    of the first header.
    """
    start = atomic_rmw("add", _USED_AT, 64, size)
    if start + size > ARENA_SIZE:
        return 0
    first = _ARENA + start
    host_copy(first, records, size >> 3, 64)
    block = first
    while block < first + size:
        host_store(block + _FRAME, 64, frame)
        host_store(block + _VERSION, 64, version)
        head = bucket_of(frame, host_load(block + _RIP, 64))
        known = atomic_load(head)
        host_store(block + _NEXT, 64, known)
        while atomic_cas(head, 64, known, block) != known:
            known = atomic_load(head)
            host_store(block + _NEXT, 64, known)
        block += Block.SIZE + host_load(block + _SIZE_BYTES, 16)
    return first


def block_at(first: int) -> Block:
    """Header of the block whose first micro-op stands at a host address."""
    return Block.from_address(first - Block.SIZE)


def micro_ops_at(first: int) -> bytes:
    """The micro-ops of a block."""
    return ctypes.string_at(first, block_at(first).size_bytes)


def published() -> Iterator[Block]:
    """All blocks that can be found, those of older versions of a frame too; newest first."""
    heads = struct.unpack(f"<{_BUCKETS}Q", ctypes.string_at(_HEADS, 8 * _BUCKETS))
    for head in heads:
        at = head
        while at:
            block = Block.from_address(at)
            yield block
            at = block.next


def as_decoded(block: Block) -> bytes:
    """Header and micro-ops of a block as they were before it was published and run."""
    first = ctypes.addressof(block) + Block.SIZE
    size = block.size_bytes
    ender = MicroOp.from_buffer_copy(ctypes.string_at(first + size - MicroOp.SIZE, MicroOp.SIZE))
    ender.link_0 = ender.link_1 = 0
    code = ctypes.string_at(first, size - MicroOp.SIZE) + bytes(ender)
    if block.region > REFUSED:
        handler = RegionRecord.from_address(block.region).handler
        code = handler.to_bytes(2, "little") + code[2:]
    return packed_header(block.rip, size, block.instructions) + code


def set_region(first: int, record: int, handler: int) -> None:
    """Let a block's first micro-op lead to a region: the record, then the handler's number."""
    block_at(first).region = record
    atomics.fence()
    MicroOp.from_address(first).handler = handler


def empty() -> None:
    """Drop all blocks and regions; the caller holds ``exclusive``."""
    with REGIONS.lock:
        ctypes.memset(_HEADS, 0, 8 * _BUCKETS)
        HEADER.epoch.add(1)
        HEADER.used.store(0)
        REGIONS.used.store(0)
