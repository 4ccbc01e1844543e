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
from typing import Any, Final

from iced_x86 import Code, Decoder, Formatter, FormatterSyntax

from hw import atomics, ram
from hw.cpu import code_cache, cpuid, entropy, system_instructions, threaded
from hw.cpu.code_cache import ArenaFullError, Block
from hw.cpu.decode import NeedsMoreBytesError, bits_of, decode_block
from hw.cpu.exclusive import exclusive, publish_running, wait_until_free
from hw.cpu.exits import (
    EXIT_CPUID,
    EXIT_DECODE,
    EXIT_EXCEPTION,
    EXIT_EXCLUSIVE,
    EXIT_FAMILY,
    EXIT_HALTED,
    EXIT_HOT,
    EXIT_ILLEGAL,
    EXIT_INTERRUPT,
    EXIT_NON_CANONICAL,
    EXIT_PAGE_FAULT,
    EXIT_RANDOM,
    EXIT_SINGLE,
    EXIT_SYSCALL,
    EXIT_SYSTEM,
    EXIT_TRACE,
    INTERRUPT,
    SYSCALL,
    CpuException,
    CpuFault,
    Exit,
    IllegalInstruction,
    PageFault,
)
from hw.cpu.linear_memory import LinearMemory
from hw.cpu.micro_op import handler_numbers
from hw.cpu.operand_access import vector_of
from hw.cpu.port_io import NoPorts, Ports
from hw.cpu.regions import record as regions
from hw.cpu.run_loop import DECODING, NATIVE, OUTSIDE
from hw.cpu.state import CORES, MODE_FLAGS, MODE_LEGACY, CpuState, reset
from hw.ram import (
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_WRITE_TAG_GIVEN,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
)
from hw.spec.address import is_canonical
from hw.spec.registers import RFLAGS_TF
from hw.spec.vectors import DEBUG, INVALID_OPCODE, PAGE_FAULT

_PAGE: Final = 4096


class FetchFault(Exception):  # noqa: N818
    """An instruction's second page cannot be fetched."""

    def __init__(self, address: int, error: int) -> None:
        super().__init__()
        self.exit = PageFault(address, error)


class Core:
    """One core of the machine, as its own process sees it."""

    __slots__ = ("_private", "at", "index", "memory", "native", "ports", "state")

    def __init__(self, index: int) -> None:
        self.index: Final = index
        self.state: Final[CpuState] = CORES[index]
        self.at: Final = ctypes.addressof(self.state)
        self.native: Final = threaded.load()
        self.memory: Final = LinearMemory(self.state, self.native)
        self.ports: Ports = NoPorts()
        self._private: ctypes.Array[ctypes.c_char] | None = None
        reset(index)
        self.state.handlers = ctypes.addressof(self.native.table)
        self.flush_tlb()

    def run(self) -> Exit:
        """Run from ``state.rip`` until something happens that the kernel must see."""
        while True:
            reason = self.native.run(self.at)
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

    def _handle(self, reason: int) -> Exit | None:  # noqa: C901, PLR0911  one row an exit
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
        if reason in (EXIT_SINGLE, EXIT_EXCLUSIVE):
            return self._run_alone()
        if reason == EXIT_CPUID:
            cpuid.execute(state)
            return None
        if reason == EXIT_RANDOM:
            entropy.execute(state)
            return None
        if reason == EXIT_SYSTEM:
            return self._execute()
        if reason == EXIT_NON_CANONICAL:
            rip = state.rip
            instruction = self.instruction_at(rip) if is_canonical(rip) else None
            return CpuException(vector_of(instruction), 0)
        if reason == EXIT_TRACE:
            return self._trace()
        if reason == EXIT_FAMILY:
            return self._load_families()
        if reason == EXIT_ILLEGAL:
            return IllegalInstruction(self._text_at(state.rip), state.rip)
        assert reason == EXIT_HALTED, f"native code left with reason {reason}"
        wait_until_free(self.index)
        return None

    def _decode(self) -> Exit | None:
        """Decode the block at rip and publish it."""
        publish_running(self.index, DECODING)
        full = False
        try:
            self._publish_block()
        except FetchFault as fault:
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
        mode = self.state.mode
        block = Block(
            frame=frame | (mode & MODE_FLAGS),
            rip=rip,
            version=code_cache.version_of(frame) | (mode & code_cache.CODE_BASE),
        )
        data = ram.read(frame + (rip & 0xFFF), _PAGE - (rip & 0xFFF))
        try:
            built = decode_block(rip, data, len(data), mode=mode)
        except NeedsMoreBytesError:
            second = self._translate_fetch((rip + _PAGE) & ~0xFFF)
            self._claim_frame(second)
            block.second_version = code_cache.version_of(second)
            built = decode_block(rip, data + ram.read(second, 15), len(data), mode=mode)
            if not built.single_page:
                block.second_frame = second | 1
        code = built.finish()
        block.size_bytes, block.instructions = len(code), built.position
        code_cache.publish(block, code)

    def _load_families(self) -> Exit | None:
        """Load the rare families that the instruction at rip needs."""
        try:
            code = self._single_block(self.state.rip)
        except FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        self.native.load_families_of(handler_numbers(code))
        return None

    def _translate_fetch(self, address: int) -> int:
        """Frame of a page of code.

        Raises:
            FetchFault: it is not mapped for execution.

        """
        try:
            return self.memory.fetch(address) & ~0xFFF
        except CpuFault as fault:
            raise FetchFault(address, fault.error) from fault

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
        except FetchFault as fault:
            state.cr2 = fault.exit.address
            return fault.exit
        self.native.load_families_of(handler_numbers(code))
        self._private = ctypes.create_string_buffer(code, len(code))
        with exclusive(self.index):
            reason = self.native.run_block(self.at, ctypes.addressof(self._private))
        if reason == EXIT_SYSCALL:
            return SYSCALL
        return self._handle(reason) if reason else None

    def _trace(self) -> Exit | None:
        """Run one instruction with RFLAGS.TF set, then #DB; a fault of its own comes first."""
        self.state.rflags &= ~RFLAGS_TF
        result = self._run_alone()
        self.state.rflags |= RFLAGS_TF
        return CpuException(DEBUG, 0) if result is None else result

    def instruction_at(self, rip: int) -> Any:
        """The decoded instruction at an address, in the current mode."""
        state = self.state
        ip = rip if not state.mode & MODE_LEGACY else (rip - state.cs_base) & 0xFFFF_FFFF
        return Decoder(bits_of(state.mode), self._code_bytes(rip), ip=ip).decode()

    def _execute(self) -> Exit | None:
        """Do the instruction at rip in Python."""
        try:
            system_instructions.execute(self, self.instruction_at(self.state.rip))
        except FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        except CpuFault as fault:
            return self._refused(fault)
        self.state.instructions += 1
        return None

    def _refused(self, fault: CpuFault) -> Exit | None:
        """What an exception of an instruction means; in exit mode, an Exit."""
        if fault.vector == PAGE_FAULT:
            self.state.cr2 = fault.address
            return PageFault(fault.address, fault.error)
        if fault.vector == INVALID_OPCODE:
            return IllegalInstruction(self._text_at(self.state.rip), self.state.rip)
        return CpuException(fault.vector, fault.error)

    def look_again(self) -> None:
        """Note that an interrupt which was held back may be taken now."""

    def be_careful(self) -> None:
        """Note that breakpoints were armed or disarmed."""

    def begin_shadow(self, *, stack: bool = False) -> None:
        """Hold interrupts off for one instruction, after STI or (``stack``) a load of SS."""

    def _single_block(self, rip: int) -> bytes:
        """Micro-ops of the one instruction at an address, as a block that links to nothing."""
        data = self._code_bytes(rip)
        room = min(len(data), _PAGE - (rip & 0xFFF))
        return decode_block(rip, data, room, 1, self.state.mode).finish()

    def _code_bytes(self, rip: int) -> bytes:
        """Read the bytes at an address that an instruction could have."""
        room = _PAGE - (rip & 0xFFF)
        data = ram.read(self._translate_fetch(rip) + (rip & 0xFFF), min(room, 15))
        if room < 15:
            try:
                data += ram.read(self._translate_fetch(rip + room), 15 - room)
            except FetchFault:
                return data
        return data

    def _text_at(self, rip: int) -> str:
        """Disassembly for people."""
        instruction = self.instruction_at(rip)
        if instruction.code == Code.INVALID:
            return "(bad)"
        formatter = Formatter(FormatterSyntax.INTEL)
        formatter.space_after_operand_separator = True
        return formatter.format(instruction)
