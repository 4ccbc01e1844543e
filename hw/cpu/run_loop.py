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
    EXIT_CONTEXT,
    EXIT_DECODE,
    EXIT_HALTED,
    EXIT_HOT,
    EXIT_INTERRUPT,
    EXIT_NONE,
    EXIT_TRACE,
)
from hw.cpu.flags import make_ready
from hw.cpu.memory_primitives import (
    address_of,
    atomic_load,
    atomic_rmw,
    atomic_store,
    host_load,
    state_at,
)
from hw.cpu.primitives import u64
from hw.cpu.regions.record import REGIONS
from hw.cpu.semantics.sse import enter_mxcsr, leave_mxcsr
from hw.cpu.semantics.system import TSC_VIRTUAL_AT, machine_tsc
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.cpu.tlb_banks import refresh, window_of
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
        reason = EXIT_CONTEXT
        while reason == EXIT_CONTEXT:
            s.exit_reason = EXIT_NONE
            reason = _chunks(state_at(window_of(s, s.bank)))
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
    enter_block(s, block)
    s.single = 0
    make_ready(s)
    return s.exit_reason


def enter_block(s: CpuState, block: int) -> None:
    """Run a private block in the window of the bank in use."""
    enter_mxcsr(s)
    enter(state_at(window_of(s, s.bank)), block, s.handlers, 0)
    leave_mxcsr(s)
    s.instructions = u64(s.instructions - s.budget)
    if s.exit_reason == EXIT_CONTEXT:
        s.exit_reason = EXIT_NONE


@noinline
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
        s.seen_epoch = atomic_load(_EPOCH_AT)
        s.seen_generation = generation
        refresh(s)
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
