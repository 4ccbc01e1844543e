"""What a core does where no block is: finds the page's blocks in the store, or decodes one.

Cold code is made of this. A frame is marked before its bytes are read, so no write to it goes
unseen: a block is of the bytes that its version had.

State: the arena, FRAME_FLAGS, in board memory. Locks: ``running`` says DECODING, so that the arena
is not emptied meanwhile. Context: the core's own process.
"""

import os
from typing import Final

from hw import atomics, ram
from hw.cpu import code_cache, code_store
from hw.cpu.code_cache import CODE_BASE
from hw.cpu.code_store import STORE
from hw.cpu.decode import NeedsMoreBytesError, decode_block
from hw.cpu.exclusive import exclusive, publish_running
from hw.cpu.exits import Exit
from hw.cpu.run_loop import DECODING, NATIVE, OUTSIDE
from hw.cpu.single_instructions import FetchFault, SingleInstructions
from hw.cpu.state import CORES, MODE_FLAGS
from hw.ram import (
    FRAME_CODE_BITS,
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_LOOKED_UP,
    FRAME_WRITE_TAG_GIVEN,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
)

_PAGE: Final = 4096


class BlockDecoding(SingleInstructions):
    """A core that can get the block at rip."""

    __slots__ = ()

    def _decode(self) -> Exit | None:
        """Decode the block at rip and publish it."""
        publish_running(self.index, DECODING)
        is_full = False
        try:
            is_full = not self._publish_block()
        except FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        finally:
            self.state.running = OUTSIDE
        if is_full:
            with exclusive(self.index):
                if code_cache.HEADER.used.load() > code_cache.ARENA_SIZE // 2:
                    code_cache.empty()
        return None

    def _publish_block(self) -> int:
        """Let all cores find the block at rip, or what the store has; 0 if the arena is full."""
        frame, mode = self.state.code_frame, self.state.mode
        old = self._claim_frame(frame, FRAME_CODE_BITS)
        version = code_cache.version_of(frame)
        records = b""
        if STORE.is_open and mode == 0 and not old & FRAME_LOOKED_UP:
            records = code_store.find(frame, version, self.state.rip & ~(_PAGE - 1))
        # where the store has the page but not this block, the core comes here again
        records = records or self._decoded(frame)
        published: int = self.native.publish(
            records, len(records), frame | (mode & MODE_FLAGS), version | (mode & CODE_BASE)
        )
        return published

    def _decoded(self, frame: int) -> bytes:
        """The block at rip, as ``code_cache.publish`` takes it."""
        rip, mode = self.state.rip, self.state.mode
        data = ram.read(frame + (rip & 0xFFF), _PAGE - (rip & 0xFFF))
        second = (0, 0)
        try:
            built = decode_block(rip, data, len(data), mode=mode)
        except NeedsMoreBytesError:
            next_frame = self._translate_fetch((rip + _PAGE) & ~0xFFF)
            self._claim_frame(next_frame)
            version = code_cache.version_of(next_frame)
            built = decode_block(rip, data + ram.read(next_frame, 15), len(data), mode=mode)
            if not built.single_page:
                second = (next_frame | 1, version)
        code = built.finish()
        return code_cache.packed_header(rip, len(code), built.position, second) + code

    def _claim_frame(self, frame: int, bits: int = FRAME_HAS_CODE) -> int:
        """Mark a frame as holding code; when this returns no store to it goes unseen.

        Returns its FRAME_* bits as they were.
        """
        place = FRAME_FLAGS + (frame >> 12)
        old = atomics.or8_at(place, bits)
        if not old & FRAME_WRITE_TAG_GIVEN:
            return old
        # who finds the frame marked by a core that still waits for the writers waits, too
        generation = HEADER.code_generation.add(1) + 1
        for pending in PENDING:
            pending.bits.or_(PENDING_CODE_WRITTEN)
        for core in CORES:
            while core.running == NATIVE and core.seen_generation < generation:
                os.sched_yield()
        atomics.and8_at(place, ~FRAME_WRITE_TAG_GIVEN & 0xFF)
        return old
