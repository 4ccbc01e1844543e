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

import ctypes
import os
from typing import Final

from iced_x86 import Decoder, OpKind, Register

from hw import atomics, ram
from hw.cpu import code_cache, cpuid, threaded
from hw.cpu.code_cache import ArenaFullError, Block
from hw.cpu.decode import NeedsMoreBytesError, decode_block, text_of
from hw.cpu.exclusive import exclusive, publish_running, wait_until_free
from hw.cpu.exits import (
    EXIT_CPUID,
    EXIT_DECODE,
    EXIT_EXCEPTION,
    EXIT_EXCLUSIVE,
    EXIT_FAMILY,
    EXIT_HALTED,
    EXIT_ILLEGAL,
    EXIT_INTERRUPT,
    EXIT_NON_CANONICAL,
    EXIT_PAGE_FAULT,
    EXIT_SINGLE,
    EXIT_SYSCALL,
    EXIT_TRACE,
    INTERRUPT,
    SYSCALL,
    CpuException,
    Exit,
    IllegalInstruction,
    PageFault,
)
from hw.cpu.micro_op import handler_numbers
from hw.cpu.run_loop import DECODING, NATIVE, OUTSIDE
from hw.cpu.state import CORES, CpuState, reset
from hw.ram import (
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_WRITE_TAG_GIVEN,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
)
from hw.spec.address import is_canonical
from hw.spec.paging import ACCESS_FETCH, ACCESS_USER, FAULT_FETCH
from hw.spec.registers import RFLAGS_TF
from hw.spec.vectors import DEBUG, GENERAL_PROTECTION, STACK
from hw.spec.watch import PLACE, TAKING_TURNS

_WALK_FAULT: Final = 1 << 63
_PAGE: Final = 4096
_STACK_BASES: Final = frozenset((Register.RSP, Register.RBP, Register.ESP, Register.EBP))
_BASED_SEGMENTS: Final = frozenset((Register.FS, Register.GS))


class _FetchFault(Exception):  # noqa: N818
    """An instruction's second page cannot be fetched."""

    def __init__(self, address: int, error: int) -> None:
        super().__init__()
        self.exit = PageFault(address, error)


class Core:
    """One core of the machine, as its own process sees it."""

    __slots__ = ("_at", "_native", "_private", "index", "state")

    def __init__(self, index: int) -> None:
        self.index: Final = index
        self.state: Final[CpuState] = CORES[index]
        self._at: Final = ctypes.addressof(self.state)
        self._native: Final = threaded.load()
        self._private: ctypes.Array[ctypes.c_char] | None = None
        reset(index)
        self.state.handlers = ctypes.addressof(self._native.table)
        self.flush_tlb()

    def run(self) -> Exit:
        """Run from ``state.rip`` until something happens that the kernel must see."""
        while True:
            reason = self._native.run(self._at)
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
        self._native.flush_all(self._at)

    def flush_tlb(self) -> None:
        """Forget all translations."""
        self._native.flush_all(self._at)

    def flush_page(self, address: int) -> None:
        """Forget the translation of one page."""
        self._native.flush_page(self._at, address)

    def _handle(self, reason: int) -> Exit | None:  # noqa: PLR0911
        """Everything but system calls and interrupts; None to go on."""
        state = self.state
        if reason == EXIT_DECODE:
            return self._decode()
        if reason == EXIT_PAGE_FAULT:
            return PageFault(state.cr2, state.exit_error)
        if reason == EXIT_EXCEPTION:
            return CpuException(state.exit_vector, state.exit_error)
        if reason in (EXIT_SINGLE, EXIT_EXCLUSIVE):
            return self._run_alone()
        if reason == EXIT_CPUID:
            cpuid.execute(state)
            return None
        if reason == EXIT_NON_CANONICAL:
            return CpuException(self._segment_vector(), 0)
        if reason == EXIT_TRACE:
            return self._trace()
        if reason == EXIT_FAMILY:
            return self._load_families()
        if reason == EXIT_ILLEGAL:
            return IllegalInstruction(text_of(self._code_bytes(state.rip), state.rip), state.rip)
        assert reason == EXIT_HALTED, f"native code left with reason {reason}"
        wait_until_free(self.index)
        return None

    def _decode(self) -> Exit | None:
        """Decode the block at rip and publish it."""
        publish_running(self.index, DECODING)
        full = False
        try:
            self._publish_block()
        except _FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        except ArenaFullError:
            full = True
        finally:
            self.state.running = OUTSIDE
        if full:
            with exclusive(self.index):
                if code_cache.HEADER.used.load() > code_cache.ARENA_SIZE // 2:
                    code_cache.empty()
        return None

    def _publish_block(self) -> None:
        frame = self.state.code_frame
        rip = self.state.rip
        self._claim_frame(frame)
        block = Block(frame=frame, rip=rip, version=code_cache.version_of(frame))
        data = ram.read(frame + (rip & 0xFFF), _PAGE - (rip & 0xFFF))
        try:
            built = decode_block(rip, data, len(data))
        except NeedsMoreBytesError:
            second = self._translate_fetch((rip + _PAGE) & ~0xFFF)
            self._claim_frame(second)
            block.second_version = code_cache.version_of(second)
            built = decode_block(rip, data + ram.read(second, 15), len(data))
            if not built.single_page:
                block.second_frame = second | 1
        code = built.finish()
        block.size_bytes, block.instructions = len(code), built.position
        code_cache.publish(block, code)

    def _load_families(self) -> Exit | None:
        """Load the rare families that the instruction at rip needs."""
        try:
            code = self._single_block(self.state.rip)
        except _FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        self._native.load_families_of(handler_numbers(code))
        return None

    def _translate_fetch(self, address: int) -> int:
        """Frame of a page of code.

        Raises:
            _FetchFault: it is not mapped for execution.

        """
        found = self._native.walk(self.state.cr3, address, ACCESS_FETCH | ACCESS_USER, 1, 1)
        if found & _WALK_FAULT:
            raise _FetchFault(address, (found & 0xFFFF) | FAULT_FETCH)
        frame: int = found & ~0xFFF
        return frame

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

    def _run_alone(self) -> Exit | None:
        """Run the one instruction at rip while all other cores stand still."""
        state = self.state
        try:
            code = self._single_block(state.rip)
        except _FetchFault as fault:
            state.cr2 = fault.exit.address
            return fault.exit
        self._private = ctypes.create_string_buffer(code, len(code))
        with exclusive(self.index):
            reason = self._native.run_block(self._at, ctypes.addressof(self._private))
        if reason == EXIT_SYSCALL:
            return SYSCALL
        return self._handle(reason) if reason else None

    def _trace(self) -> Exit | None:
        """Run one instruction with RFLAGS.TF set, then #DB; a fault of its own comes first."""
        self.state.rflags &= ~RFLAGS_TF
        result = self._run_alone()
        self.state.rflags |= RFLAGS_TF
        return CpuException(DEBUG, 0) if result is None else result

    def _segment_vector(self) -> int:
        """#SS if the instruction at rip accesses memory through the stack segment, else #GP.

        The base register decides: 64-bit mode ignores overrides but those of FS and GS.
        """
        state = self.state
        if is_canonical(state.rip):
            instruction = Decoder(64, self._code_bytes(state.rip), ip=state.rip).decode()
            pushes = instruction.is_stack_instruction and instruction.op0_kind != OpKind.MEMORY
            on_stack = instruction.memory_base in _STACK_BASES
            if pushes or (on_stack and instruction.memory_segment not in _BASED_SEGMENTS):
                return STACK
        return GENERAL_PROTECTION

    def _single_block(self, rip: int) -> bytes:
        """Micro-ops of the one instruction at an address, as a block that links to nothing."""
        data = self._code_bytes(rip)
        room = min(len(data), _PAGE - (rip & 0xFFF))
        return decode_block(rip, data, room, 1).finish()

    def _code_bytes(self, rip: int) -> bytes:
        """Read the bytes at an address that an instruction could have."""
        room = _PAGE - (rip & 0xFFF)
        data = ram.read(self._translate_fetch(rip) + (rip & 0xFFF), min(room, 15))
        if room < 15:
            try:
                data += ram.read(self._translate_fetch(rip + room), 15 - room)
            except _FetchFault:
                return data
        return data
