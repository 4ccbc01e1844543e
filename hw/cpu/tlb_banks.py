"""Banks: a TLB and a jump cache for each context that a core was in lately.

A context is a number that stands for all that translations depend on: in vector mode the PCID, the
privilege, the rules of the walk; in exit mode what the kernel says (``Core.set_address_space``).
To enter one is to look at another bank, whose translations are as they were left. A bank costs the
fast path nothing: the registers are mapped once more above each (a window), and a handler's ``s``
is the address of the window in use.

    windows -> | registers | bank 0 | registers | bank 1 | ... | registers | bank 15 |

A bank that is not in use is not told when it becomes stale. It is stamped with the counts that it
reflects, and compared when it is entered; so it costs no more than one bank to forget all.

Spec: AMD64 APM vol. 2, 5.5 (TLB, global pages, PCID).
State: CpuState and its banks. Locks: none; touched only by its own core.
Context: native code; ``map_windows`` in the core's own process.
"""

import ctypes
from typing import Final

from hw.cpu.memory_primitives import address_of, get, host_load, plain_store, put, state_at
from hw.cpu.primitives import likely, u64
from hw.cpu.state import (
    BANK_SIZE,
    BANKS,
    CORES,
    JUMP_ENTRIES,
    JUMP_ENTRY_SIZE,
    JUMP_OFFSET,
    NO_TAG,
    TLB_ENTRIES,
    TLB_ENTRY_SIZE,
    TLB_OFFSET,
    CpuState,
    bank_address,
)
from hw.cpu.subset import noinline
from hw.ram import WINDOW_MAP, alias

#: Contexts of vector mode: PCID | CONTEXT_USER | rules of the walk << CONTEXT_RULES | this bit.
CONTEXT_VECTOR: Final = 1 << 63
CONTEXT_PCID: Final = 0xFFF
CONTEXT_USER: Final = 1 << 12
CONTEXT_RULES: Final = 16

_PAGE: Final = 4096
_CONTEXT: Final = CpuState.offset_of("bank_context")
_GENERATION: Final = CpuState.offset_of("bank_generation")
_EPOCH: Final = CpuState.offset_of("bank_epoch")
_FLUSHES: Final = CpuState.offset_of("bank_flushes")
_JUMP_FLUSHES: Final = CpuState.offset_of("bank_jump_flushes")
_GLOBAL: Final = CpuState.offset_of("global_pages")


def map_windows(index: int) -> None:
    """Map a core's windows into this process.

    Raises:
        OSError: the host has no room for another mapping.

    """
    registers = ctypes.addressof(CORES[index])
    first = WINDOW_MAP + index * BANKS * CpuState.SIZE
    for bank in range(BANKS):
        window = first + bank * CpuState.SIZE
        alias(registers, _PAGE, window)
        alias(bank_address(index, bank), BANK_SIZE, window + TLB_OFFSET)
    CORES[index].windows = first


def window_of(s: CpuState, bank: int) -> int:
    """Host address where the core sees a bank below its registers."""
    return address_of(s) if s.windows == 0 else u64(s.windows + bank * CpuState.SIZE)


@noinline
def enter_context(s: CpuState, context: int) -> None:
    """Use the bank of a context, a new one if it has none."""
    s.context = context
    s.link_slot = 0
    bank = 0
    while bank < BANKS and get(s, _CONTEXT + bank * 8, 64) != context:
        bank += 1
    if bank == BANKS:
        bank = (s.turn + 1) & (BANKS - 1)
        s.turn = bank
        put(s, _CONTEXT + bank * 8, 64, context)
        put(s, _FLUSHES + bank * 8, 64, u64(s.flushes - 1))
    s.bank = bank
    refresh(state_at(window_of(s, bank)))


@noinline
def refresh(s: CpuState) -> None:
    """Empty the bank in use, in whose window ``s`` is, if it does not reflect all there was."""
    at = s.bank * 8
    stale = get(s, _GENERATION + at, 64) != s.seen_generation
    stale = stale or get(s, _EPOCH + at, 64) != s.seen_epoch
    if likely(not (stale or get(s, _FLUSHES + at, 64) != s.flushes)):
        if get(s, _JUMP_FLUSHES + at, 64) != s.jump_flushes:
            _empty_jumps(s)
            put(s, _JUMP_FLUSHES + at, 64, s.jump_flushes)
        return
    _empty(s)
    put(s, _GENERATION + at, 64, s.seen_generation)
    put(s, _EPOCH + at, 64, s.seen_epoch)
    put(s, _FLUSHES + at, 64, s.flushes)
    put(s, _JUMP_FLUSHES + at, 64, s.jump_flushes)


@noinline
def flush_all(s: CpuState) -> None:
    """Forget all translations and jumps of all contexts."""
    s.flushes = u64(s.flushes + 1)
    refresh(state_at(window_of(s, s.bank)))


@noinline
def flush_jumps(s: CpuState) -> None:
    """Forget all jumps, as when the same addresses come to mean other blocks."""
    s.jump_flushes = u64(s.jump_flushes + 1)
    refresh(state_at(window_of(s, s.bank)))


@noinline
def flush_page(s: CpuState, address: int) -> None:
    """Drop what is known of one page: in vector mode in all contexts, else in the one in use."""
    bank = s.bank if s.vectors == 0 else 0
    end = s.bank + 1 if s.vectors == 0 or s.windows == 0 else BANKS
    while bank < end:
        if get(s, _FLUSHES + bank * 8, 64) == s.flushes:
            _drop_page(state_at(window_of(s, bank)), address)
        bank += 1


@noinline
def flush_local(s: CpuState, mask: int, context: int) -> None:
    """Drop all but global pages in the contexts that agree with ``context`` in ``mask``."""
    bank = 0
    while bank < BANKS:
        agrees = (get(s, _CONTEXT + bank * 8, 64) ^ context) & mask == 0
        if agrees and get(s, _FLUSHES + bank * 8, 64) == s.flushes:
            _drop_local(state_at(window_of(s, bank)))
        bank += 1


def note_page(s: CpuState, entry: int, kept: int, inside: int) -> None:
    """Remember of TLB entry number ``entry`` whether it is global, and the size of its page."""
    word = _GLOBAL + (entry >> 6) * 8
    bit = u64(1 << (entry & 63))
    old = get(s, word, 64)
    put(s, word, 64, old | bit if kept != 0 else old & ~bit)
    s.large_pages = s.large_pages | inside


@noinline
def _drop_page(s: CpuState, address: int) -> None:
    """Drop a page from the bank of a window; jumps into it may outlive its TLB entry.

    The TLB keeps large pages in parts.
    """
    s.link_slot = 0
    if s.large_pages == 0:
        entry = (address >> 12) & (TLB_ENTRIES - 1)
        _drop_entry(address_of(s) + TLB_OFFSET + entry * TLB_ENTRY_SIZE)
    else:
        outside = ~(s.large_pages | 0xFFF) & 0xFFFF_FFFF_FFFF_FFFF
        place = address_of(s) + TLB_OFFSET
        end = place + TLB_ENTRIES * TLB_ENTRY_SIZE
        while place < end:
            data = (host_load(place, 64) ^ address) & outside
            if data == 0 or (host_load(place + 16, 64) ^ address) & outside == 0:
                _drop_entry(place)
            place += TLB_ENTRY_SIZE
    _empty_jumps(s)


@noinline
def _drop_local(s: CpuState) -> None:
    """Drop all but global pages from the bank of a window."""
    entry = 0
    while entry < TLB_ENTRIES:
        if get(s, _GLOBAL + (entry >> 6) * 8, 64) >> (entry & 63) & 1 == 0:
            _drop_entry(address_of(s) + TLB_OFFSET + entry * TLB_ENTRY_SIZE)
        entry += 1
    _empty_jumps(s)


def _drop_entry(place: int) -> None:
    plain_store(place, NO_TAG)
    plain_store(place + 8, NO_TAG)
    plain_store(place + 16, NO_TAG)


@noinline
def _empty(s: CpuState) -> None:
    """Empty the bank of a window."""
    s.large_pages = 0
    place = address_of(s) + TLB_OFFSET
    end = place + TLB_ENTRIES * TLB_ENTRY_SIZE
    while place < end:
        plain_store(place, NO_TAG)
        place += 8
    _empty_jumps(s)


@noinline
def _empty_jumps(s: CpuState) -> None:
    s.link_slot = 0
    place = address_of(s) + JUMP_OFFSET
    end = place + JUMP_ENTRIES * JUMP_ENTRY_SIZE
    while place < end:
        plain_store(place, NO_TAG)
        place += 16
