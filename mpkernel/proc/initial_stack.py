"""What stands on the stack of a program that begins.

    high  8 zero bytes
          path of the program | environment strings | argument strings
          "x86_64" | 16 random bytes
          auxiliary vector, ended by AT_NULL
          environment pointers, 0
          argument pointers, 0
    rsp   number of arguments                     16-byte aligned

Spec: x86-64 psABI, 3.4.1. State: none: it makes bytes. Context: any.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.elf import (
    AT_BASE,
    AT_CLKTCK,
    AT_EGID,
    AT_ENTRY,
    AT_EUID,
    AT_EXECFN,
    AT_FLAGS,
    AT_GID,
    AT_HWCAP,
    AT_NULL,
    AT_PAGESZ,
    AT_PHDR,
    AT_PHENT,
    AT_PHNUM,
    AT_PLATFORM,
    AT_RANDOM,
    AT_SECURE,
    AT_UID,
    ProgramHeader,
)
from mpkernel.abi.errno import Errno, SysError

STACK_TOP: Final = 0x7FFF_FFFF_F000
STACK_SIZE: Final = 8 << 20
#: Bytes of arguments and environment, and of one string.
ARGUMENTS_LIMIT: Final = STACK_SIZE // 4
STRING_LIMIT: Final = 128 << 10
CLOCK_TICKS: Final = 100
PLATFORM: Final = b"x86_64\0"
RANDOM_BYTES: Final = 16


@dataclass(frozen=True)
class StackPlan:
    """What goes onto the stack."""

    path: bytes
    arguments: Sequence[bytes]
    environment: Sequence[bytes]
    headers: int
    header_count: int
    entry: int  #: of the program, not of its interpreter
    interpreter_base: int
    random: bytes
    capabilities: int  #: EDX of CPUID leaf 1


def check_size(arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
    """Refuse what does not fit.

    Raises:
        SysError: E2BIG.
    """
    total = 0
    for strings in (arguments, environment):
        for one in strings:
            total += len(one) + 9
            if len(one) >= STRING_LIMIT or total > ARGUMENTS_LIMIT:
                raise SysError(Errno.E2BIG)


class _Strings:
    """Strings laid out downwards from the top."""

    def __init__(self, top: int) -> None:
        self.at = top
        self.parts: list[bytes] = []

    def push(self, data: bytes) -> int:
        """Put data below all others; return its address."""
        self.at -= len(data)
        self.parts.append(data)
        return self.at

    def bytes_upwards(self) -> bytes:
        """All of it, in order of address."""
        return b"".join(reversed(self.parts))


def build(plan: StackPlan) -> tuple[int, bytes]:
    """The stack pointer and the bytes from there to STACK_TOP."""
    strings = _Strings(STACK_TOP)
    strings.push(bytes(8))
    path = strings.push(plan.path + b"\0")
    environment = [strings.push(one + b"\0") for one in reversed(plan.environment)][::-1]
    arguments = [strings.push(one + b"\0") for one in reversed(plan.arguments)][::-1]
    platform = strings.push(PLATFORM)
    random = strings.push(plan.random)
    vector = [
        (AT_PHDR, plan.headers), (AT_PHENT, ProgramHeader.SIZE), (AT_PHNUM, plan.header_count),
        (AT_PAGESZ, PAGE_SIZE), (AT_BASE, plan.interpreter_base), (AT_FLAGS, 0),
        (AT_ENTRY, plan.entry), (AT_UID, 0), (AT_EUID, 0), (AT_GID, 0), (AT_EGID, 0),
        (AT_SECURE, 0), (AT_HWCAP, plan.capabilities), (AT_CLKTCK, CLOCK_TICKS),
        (AT_RANDOM, random), (AT_PLATFORM, platform), (AT_EXECFN, path), (AT_NULL, 0),
    ]  # fmt: skip
    words = [len(arguments), *arguments, 0, *environment, 0]
    for kind, value in vector:
        words += [kind, value]
    rsp = (strings.at - 8 * len(words)) & ~15
    table = struct.pack(f"<{len(words)}Q", *words)
    gap = bytes(strings.at - rsp - len(table))
    return rsp, table + gap + strings.bytes_upwards()
