"""The native outer loop: runs blocks until something needs Python.

Threaded code returns here when its chunk is over, when a link or a jump-cache entry is missing,
and at every exit. At chunk borders the loop looks at the core's pending word, at the generation of
code and at the clock; so an interrupt waits for at most CHUNK instructions and Python is entered
only for it.

State: the core's CpuState. Locks: none; ``running`` is published for others to wait on.
Context: native code.
"""

import ctypes
from typing import Final

from hw.cpu import code_cache
from hw.cpu.code_cache import HITS, REGION, SECOND_FRAME, Block, find_block
from hw.cpu.control import enter
from hw.cpu.exits import (
    EXIT_DECODE,
    EXIT_HALTED,
    EXIT_HOT,
    EXIT_INTERRUPT,
    EXIT_NONE,
    EXIT_TRACE,
)
from hw.cpu.flags import make_ready
from hw.cpu.primitives import (
    address_of,
    atomic_load,
    atomic_rmw,
    atomic_store,
    host_load,
    plain_store,
    u64,
)
from hw.cpu.regions.record import REGIONS
from hw.cpu.semantics.sse import enter_mxcsr, leave_mxcsr
from hw.cpu.semantics.system import TSC_VIRTUAL_AT, machine_tsc
from hw.cpu.state import (
    JUMP_ENTRIES,
    JUMP_ENTRY_SIZE,
    JUMP_OFFSET,
    NO_TAG,
    TLB_ENTRIES,
    TLB_ENTRY_SIZE,
    TLB_OFFSET,
    CpuState,
)
from hw.cpu.subset import noinline
from hw.ram import HEADER, PENDING, PENDING_CODE_WRITTEN, PENDING_EXCLUSIVE
from hw.spec.registers import RFLAGS_TF

#: Instructions between two looks at the pending word: about 5 microseconds.
CHUNK: Final = 4096
#: Values of ``CpuState.running``.
OUTSIDE: Final = 0
NATIVE: Final = 1
DECODING: Final = 2

RUNNING_OFFSET: Final = CpuState.offset_of("running")
SEEN_OFFSET: Final = CpuState.offset_of("seen_generation")
_PENDING_AT: Final = ctypes.addressof(PENDING[0])
_PENDING_STRIDE: Final = ctypes.addressof(PENDING[1]) - _PENDING_AT
_GENERATION_AT: Final = ctypes.addressof(HEADER) + HEADER.offset_of("code_generation")
_EPOCH_AT: Final = ctypes.addressof(code_cache.HEADER) + code_cache.HEADER.offset_of("epoch")
EXCLUSIVE_AT: Final = ctypes.addressof(code_cache.HEADER) + code_cache.HEADER.offset_of("exclusive")
_OFTEN_AT: Final = ctypes.addressof(REGIONS) + REGIONS.offset_of("often")
_NEGATIVE: Final = 1 << 63


@noinline
def run(s: CpuState) -> int:
    """Run until an Exit; its EXIT_* number. Flags are ready and the count is exact."""
    s.fault = 0
    s.exit_reason = EXIT_NONE
    s.link_slot = 0
    atomic_store(address_of(s) + RUNNING_OFFSET, NATIVE)
    if atomic_load(EXCLUSIVE_AT) != 0:
        reason = EXIT_HALTED
    else:
        enter_mxcsr(s)
        reason = _chunks(s)
        leave_mxcsr(s)
    make_ready(s)
    atomic_store(address_of(s) + RUNNING_OFFSET, OUTSIDE)
    return reason


@noinline
def run_block(s: CpuState, block: int) -> int:
    """Run one private block (EXIT_SINGLE), all other cores standing still; EXIT_NONE or an exit."""
    s.fault = 0
    s.exit_reason = EXIT_NONE
    s.single = 1
    enter_mxcsr(s)
    enter(s, block, s.handlers, 0)
    leave_mxcsr(s)
    s.instructions = u64(s.instructions - s.budget)
    s.single = 0
    make_ready(s)
    return s.exit_reason


def _chunks(s: CpuState) -> int:  # noqa: PLR0911  one row a reason to leave
    while True:
        reason = _look_up(s)
        if reason != EXIT_NONE:
            return reason
        if s.rflags & RFLAGS_TF != 0 or s.careful != 0:
            return EXIT_TRACE
        left = CHUNK
        while u64(left - 1) < _NEGATIVE:
            block = find_block(s, s.rip)
            if block == 0:
                break
            _link(s, block)
            if left == CHUNK and _is_hot(block):
                s.exit_error = block
                return EXIT_HOT
            enter(s, block, s.handlers, left)
            s.instructions = u64(s.instructions + left - s.budget)
            left = 0 if s.rflags & RFLAGS_TF != 0 else s.budget
            if s.exit_reason != EXIT_NONE:
                return s.exit_reason
        if u64(left - 1) < _NEGATIVE:
            if s.fault != 0:
                s.fault = 0
                return s.exit_reason
            return EXIT_DECODE
        if host_load(TSC_VIRTUAL_AT, 64) != 0:
            return EXIT_INTERRUPT


def _is_hot(block: int) -> bool:
    """Count a chunk that begins at a block; whether it is time to ask for a region."""
    often = host_load(_OFTEN_AT, 64)
    if often == 0 or host_load(block - Block.SIZE + REGION, 64) != 0:
        return False
    return atomic_rmw("add", block - Block.SIZE + HITS, 32, 1) & (often - 1) == often - 1


def _look_up(s: CpuState) -> int:
    """What other cores or the clock want; EXIT_NONE to go on."""
    place = _PENDING_AT + s.core_index * _PENDING_STRIDE
    pending = atomic_load(place)
    if pending & PENDING_CODE_WRITTEN != 0:
        atomic_rmw("and", place, 64, u64(~PENDING_CODE_WRITTEN))
    generation = atomic_load(_GENERATION_AT)
    if generation != s.seen_generation or atomic_load(_EPOCH_AT) != s.seen_epoch:
        flush_all(s)
        s.seen_epoch = atomic_load(_EPOCH_AT)
        atomic_store(address_of(s) + SEEN_OFFSET, generation)
    if pending & PENDING_EXCLUSIVE != 0:
        return EXIT_HALTED
    if pending & ~PENDING_CODE_WRITTEN != 0:
        return EXIT_INTERRUPT
    if machine_tsc() >= s.deadline_tsc:
        return EXIT_INTERRUPT
    return EXIT_NONE


def _link(s: CpuState, block: int) -> None:
    """Fill in the link that led here."""
    slot = s.link_slot
    if slot != 0:
        s.link_slot = 0
        if host_load(block - Block.SIZE + SECOND_FRAME, 64) == 0:
            atomic_store(slot, block)


@noinline
def flush_all(s: CpuState) -> None:
    """Empty TLB and jump cache."""
    s.link_slot = 0
    s.large_pages = 0
    place = address_of(s) + TLB_OFFSET
    end = place + TLB_ENTRIES * TLB_ENTRY_SIZE
    while place < end:
        plain_store(place, NO_TAG)
        place += 8
    flush_jumps(s)


@noinline
def flush_page(s: CpuState, address: int) -> None:
    """Drop what is known of one page; jumps into it may outlive its TLB entry.

    The TLB keeps large pages in parts, so where there were any, all goes.
    """
    if s.large_pages != 0:
        flush_all(s)
        return
    s.link_slot = 0
    place = address_of(s) + TLB_OFFSET + ((address >> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE
    plain_store(place, NO_TAG)
    plain_store(place + 8, NO_TAG)
    plain_store(place + 16, NO_TAG)
    flush_jumps(s)


@noinline
def flush_jumps(s: CpuState) -> None:
    """Empty the jump cache, as when the same addresses come to mean other blocks."""
    s.link_slot = 0
    place = address_of(s) + JUMP_OFFSET
    end = place + JUMP_ENTRIES * JUMP_ENTRY_SIZE
    while place < end:
        plain_store(place, NO_TAG)
        place += 16
