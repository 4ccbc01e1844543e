"""Why ``Core.run()`` stopped.

Exits are values, matched by the kernel's trap entry. Syscall and Interrupt are single objects: the
hot path allocates nothing.

Context: any.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

#: What native code leaves in ``CpuState.exit_reason``.
EXIT_NONE: Final = 0  #: chunk over, or the next block is to be found
EXIT_SYSCALL: Final = 1
EXIT_PAGE_FAULT: Final = 2
EXIT_EXCEPTION: Final = 3
EXIT_ILLEGAL: Final = 4
EXIT_INTERRUPT: Final = 5
EXIT_DECODE: Final = 6  #: no block for rip yet
EXIT_SINGLE: Final = 7  #: the instruction must run alone: it writes a page of code
EXIT_EXCLUSIVE: Final = 8  #: the instruction must run while all other cores stand still
EXIT_CPUID: Final = 9
EXIT_HALTED: Final = 10  #: another core stands in exclusive(): wait outside
EXIT_NON_CANONICAL: Final = 11  #: #GP, or #SS if the access was through the stack segment
EXIT_TRACE: Final = 12  #: RFLAGS.TF is set: one instruction, then #DB
EXIT_FAMILY: Final = 13  #: a handler of a rare family, which this process has not loaded


@dataclass(frozen=True, slots=True)
class Syscall:
    """A SYSCALL instruction was executed; rip is after it, rcx and r11 are set."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The core's pending word is not 0, or its deadline has come."""


@dataclass(frozen=True, slots=True)
class PageFault:
    """A page fault; rip is that of the faulting instruction."""

    address: int
    error_code: int  #: FAULT_* of hw.spec.paging


@dataclass(frozen=True, slots=True)
class CpuException:
    """Another exception, by its vector; rip as the manual says for the vector."""

    vector: int
    error_code: int


@dataclass(frozen=True, slots=True)
class IllegalInstruction:
    """An instruction that is not there (#UD); rip is its own."""

    mnemonic: str
    address: int


Exit: TypeAlias = Syscall | Interrupt | PageFault | CpuException | IllegalInstruction

SYSCALL: Final = Syscall()
INTERRUPT: Final = Interrupt()
