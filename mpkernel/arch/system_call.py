"""The registers of a system call of the task that runs here.

    rax = number; rdi rsi rdx r10 r8 r9 = arguments; rax = result or -errno

Spec: System V ABI, AMD64 supplement, A.2.1. State: the core's register file. Locks: none; the
task's own CPU. Context: task.
"""

from typing import Final

from mpkernel.arch.context import registers

_MASK: Final = (1 << 64) - 1
#: Bytes of the SYSCALL instruction.
_INSTRUCTION_SIZE: Final = 2


def number() -> int:
    """Number of the call."""
    found: int = registers().rax & 0xFFFF_FFFF
    return found


def arguments() -> tuple[int, int, int, int, int, int]:
    """The six arguments, as unsigned words."""
    state = registers()
    return state.rdi, state.rsi, state.rdx, state.r10, state.r8, state.r9


def result() -> int:
    """What the call returns so far, as an unsigned word."""
    found: int = registers().rax
    return found


def set_result(value: int) -> None:
    """Let the call return ``value``, or -errno."""
    registers().rax = value & _MASK


def repeat(call: int) -> None:
    """Let the task make call number ``call`` again, with the same arguments."""
    state = registers()
    state.rip -= _INSTRUCTION_SIZE
    state.rax = call
