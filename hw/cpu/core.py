"""A core: runs user code until an Exit.

    core = Core(index)
    core.set_address_space(cr3)
    core.state.rip, core.state.rsp = entry, stack
    while True:
        match core.run():
            case Syscall(): ...

``run`` enters the native loop; it comes back for the rare things that Python does (decode, CPUID,
instructions that must run alone) and for exits. Between two runs all of the state is in
``core.state`` and may be changed at will; a new cr3 goes through ``set_address_space``.

State: CpuState and the code cache, in board memory. Locks: see hw.cpu.exclusive.
Context: the core's own process; ``threaded.load`` was called before the fork.
"""

import os
from typing import Final

from hw import atomics, ram
from hw.cpu import code_cache
from hw.cpu.code_cache import CODE_BASE
from hw.cpu.decode import NeedsMoreBytesError, decode_block
from hw.cpu.exclusive import exclusive, publish_running, wait_until_free
from hw.cpu.exits import (
    EXIT_DECODE,
    EXIT_EXCEPTION,
    EXIT_HALTED,
    EXIT_HOT,
    EXIT_INTERRUPT,
    EXIT_PAGE_FAULT,
    EXIT_SYSCALL,
    EXIT_SYSTEM,
    INTERRUPT,
    SYSCALL,
    CpuException,
    CpuFault,
    Exit,
    PageFault,
)
from hw.cpu.regions import record as regions
from hw.cpu.run_loop import DECODING, NATIVE, OUTSIDE
from hw.cpu.single_instructions import FetchFault, SingleInstructions
from hw.cpu.state import CORES, MODE_FLAGS
from hw.ram import (
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_WRITE_TAG_GIVEN,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
)
from hw.spec.watch import PLACE, TAKING_TURNS

_PAGE: Final = 4096


class Core(SingleInstructions):
    """One core of the machine, as its own process sees it."""

    __slots__ = ()

    def run(self) -> Exit:
        """Run from ``state.rip`` until something happens that the kernel must see."""
        while True:
            reason = self.native.run(self.at)
            if TAKING_TURNS:
                PLACE.observer.ran(self.index, self.state.instructions)
            if reason == EXIT_SYSCALL:
                return SYSCALL
            if reason == EXIT_INTERRUPT:
                return INTERRUPT
            result = self._handle(reason)
            if result is not None:
                return result

    def set_address_space(self, cr3: int) -> None:
        """Load cr3: what was known of the old address space is forgotten."""
        self.state.cr3 = cr3
        self.native.flush_all(self.at)

    def flush_tlb(self) -> None:
        """Forget all translations."""
        self.native.flush_all(self.at)

    def flush_page(self, address: int) -> None:
        """Forget the translation of one page."""
        self.native.flush_page(self.at, address)

    def look_again(self) -> None:
        """Note that an interrupt which was held back may be taken now."""

    def be_careful(self) -> None:
        """Note that breakpoints were armed or disarmed."""

    def begin_shadow(self, *, stack: bool = False) -> None:
        """Hold interrupts off for one instruction, after STI or (``stack``) a load of SS."""

    def _handle(self, reason: int) -> Exit | None:  # noqa: PLR0911  one row an exit
        """Everything but system calls and interrupts; None to go on."""
        state = self.state
        if reason == EXIT_DECODE:
            return self._decode()
        if reason == EXIT_HOT:
            regions.request(state.exit_error, self.index, state.seen_epoch)
            return None
        if reason == EXIT_PAGE_FAULT:
            return PageFault(state.cr2, state.exit_error)
        if reason == EXIT_EXCEPTION:
            return CpuException(state.exit_vector, state.exit_error)
        if reason == EXIT_SYSTEM:
            return self._execute()
        if reason == EXIT_HALTED:
            wait_until_free(self.index)
            return None
        return self._handle_instruction(reason)

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
        """Let all cores find the block at rip; 0 if the arena is full."""
        state = self.state
        frame, rip, mode = state.code_frame, state.rip, state.mode
        self._claim_frame(frame)
        version = code_cache.version_of(frame)
        data = ram.read(frame + (rip & 0xFFF), _PAGE - (rip & 0xFFF))
        second = (0, 0)
        try:
            built = decode_block(rip, data, len(data), mode=mode)
        except NeedsMoreBytesError:
            frame_of_rest = self._translate_fetch((rip + _PAGE) & ~0xFFF)
            self._claim_frame(frame_of_rest)
            version_of_rest = code_cache.version_of(frame_of_rest)
            built = decode_block(rip, data + ram.read(frame_of_rest, 15), len(data), mode=mode)
            if not built.single_page:
                second = (frame_of_rest | 1, version_of_rest)
        code = built.finish()
        record = code_cache.packed_header(rip, len(code), built.position, second) + code
        published: int = self.native.publish(
            record, len(record), frame | (mode & MODE_FLAGS), version | (mode & CODE_BASE)
        )
        return published

    def _claim_frame(self, frame: int) -> None:
        """Mark a frame as holding code; when this returns no store to it goes unseen."""
        place = FRAME_FLAGS + (frame >> 12)
        old = atomics.or8_at(place, FRAME_HAS_CODE)
        if old & FRAME_HAS_CODE or not old & FRAME_WRITE_TAG_GIVEN:
            return
        generation = HEADER.code_generation.add(1) + 1
        for pending in PENDING:
            pending.bits.or_(PENDING_CODE_WRITTEN)
        for core in CORES:
            while core.running == NATIVE and core.seen_generation < generation:
                os.sched_yield()
        atomics.and8_at(place, ~FRAME_WRITE_TAG_GIVEN & 0xFF)

    def _execute(self) -> Exit | None:
        """Do the instruction at rip in Python."""
        from hw.cpu import system_instructions  # noqa: PLC0415  no program needs it, as a rule

        try:
            system_instructions.execute(self, self.instruction_at(self.state.rip))
        except FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        except CpuFault as fault:
            return self._refused(fault)
        self.state.instructions += 1
        return None
