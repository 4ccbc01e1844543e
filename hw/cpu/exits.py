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
EXIT_RANDOM: Final = 16  #: RDRAND, RDSEED: the register of exit_vector wants exit_error bits
EXIT_FAMILY: Final = 13  #: a handler of a rare family, which this process has not loaded
EXIT_SYSTEM: Final = 14  #: a privileged or rare instruction, which Python executes
EXIT_DEVICE: Final = 15  #: an access where no RAM is (vector mode)
EXIT_CONTEXT: Final = 17  #: another bank is in use: go on there (within native code only)
EXIT_HOT: Final = 30  #: many chunks began at a block, ``exit_error``: it wants a region


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


@dataclass(frozen=True, slots=True)
class Halted:
    """HLT with interrupts off: only NMI or INIT can go on (vector mode)."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """A fault while a double fault was delivered: the core stands still (vector mode)."""


class CpuFault(Exception):  # noqa: N818
    """An instruction or a delivery ends with an exception; nothing of it was done."""

    def __init__(self, vector: int, error: int = 0, address: int = 0) -> None:
        super().__init__(f"vector {vector}, error code {error:#x}")
        self.vector = vector
        self.error = error
        self.address = address  #: what CR2 becomes, of a page fault


Exit: TypeAlias = (
    Syscall | Interrupt | PageFault | CpuException | IllegalInstruction | Halted | Shutdown
)

SYSCALL: Final = Syscall()
INTERRUPT: Final = Interrupt()
