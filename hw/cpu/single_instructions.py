"""One instruction at a time: those that Python executes, that run alone, that are traced or absent.

What is common runs in blocks of native code (hw.cpu.core); this is all the rest.

State: CpuState. Locks: see hw.cpu.exclusive. Context: the core's own process.
"""

import ctypes
from abc import ABC, abstractmethod
from typing import Any, Final

from iced_x86 import Code, Decoder, Formatter, FormatterSyntax

from hw import ram
from hw.cpu import cpuid, entropy, msr, threaded
from hw.cpu.block_builder import bits_of
from hw.cpu.decode import decode_block
from hw.cpu.exclusive import exclusive
from hw.cpu.exits import (
    EXIT_CPUID,
    EXIT_EXCLUSIVE,
    EXIT_FAMILY,
    EXIT_ILLEGAL,
    EXIT_NON_CANONICAL,
    EXIT_RANDOM,
    EXIT_SINGLE,
    EXIT_SYSCALL,
    EXIT_TRACE,
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
from hw.cpu.state import CORES, MODE_LEGACY, CpuState, reset
from hw.cpu.tlb_banks import map_windows
from hw.spec.address import is_canonical
from hw.spec.registers import RFLAGS_TF
from hw.spec.vectors import DEBUG, INVALID_OPCODE, PAGE_FAULT

_PAGE: Final = 4096


class FetchFault(Exception):  # noqa: N818
    """An instruction's second page cannot be fetched."""

    def __init__(self, address: int, error: int) -> None:
        super().__init__()
        self.exit = PageFault(address, error)


class SingleInstructions(ABC):
    """The part of a core that looks at single instructions."""

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
        msr.reset(self.state)
        self.state.handlers = ctypes.addressof(self.native.table)
        map_windows(index)
        self.native.flush_all(self.at)

    def _handle_instruction(self, reason: int) -> Exit | None:  # noqa: PLR0911  one row an exit
        """Do what the instruction at rip asks for; None to go on."""
        state = self.state
        if reason in (EXIT_SINGLE, EXIT_EXCLUSIVE):
            return self._run_alone()
        if reason == EXIT_CPUID:
            cpuid.execute(state)
            return None
        if reason == EXIT_RANDOM:
            entropy.execute(state)
            return None
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
        raise AssertionError(f"native code left with reason {reason}")

    @abstractmethod
    def _handle(self, reason: int) -> Exit | None:
        """Do what any exit of native code asks for; None to go on."""

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

    def _refused(self, fault: CpuFault) -> Exit | None:
        """What an exception of an instruction means; in exit mode, an Exit."""
        if fault.vector == PAGE_FAULT:
            self.state.cr2 = fault.address
            return PageFault(fault.address, fault.error)
        if fault.vector == INVALID_OPCODE:
            return IllegalInstruction(self._text_at(self.state.rip), self.state.rip)
        return CpuException(fault.vector, fault.error)

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
