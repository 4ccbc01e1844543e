"""As much of Linux as a static program of the C library needs to start, compute and print.

The core runs alone here, without a kernel: system calls are answered in Python.
"""

import struct

from hw.cpu.exits import Syscall
from hw.cpu.user_copy import copy_in, copy_out
from tests.differential.elf import HEAP
from tests.differential.guest import CR3, Guest

_READ, _WRITE, _FSTAT, _BRK, _WRITEV, _EXIT, _ARCH_PRCTL, _EXIT_GROUP = (
    0,
    1,
    5,
    12,
    20,
    60,
    158,
    231,
)
_NEWFSTATAT, _GETRANDOM = 262, 318
_MPROTECT, _SET_TID, _ROBUST = 10, 218, 273
_SET_FS = 0x1002
_ENOSYS = -38


def run(guest: Guest, most_calls: int = 2000) -> bytes:
    """Run until the program exits; what it has written."""
    state = guest.core.state
    written = b""
    end_of_heap = HEAP.start
    for _ in range(most_calls):
        end = guest.core.run()
        assert end == Syscall(), (end, hex(state.rip))
        number, first, second, third = state.rax, state.rdi, state.rsi, state.rdx
        result = 0
        if number in (_EXIT, _EXIT_GROUP):
            return written
        if number == _WRITE:
            written += copy_in(CR3, second, third)
            result = third
        elif number == _WRITEV:
            for k in range(third):
                base, size = struct.unpack("<QQ", copy_in(CR3, second + 16 * k, 16))
                written += copy_in(CR3, base, size)
                result += size
        elif number == _BRK:
            end_of_heap = first if first in HEAP else end_of_heap
            result = end_of_heap
        elif number == _ARCH_PRCTL and first == _SET_FS:
            state.fs_base = second
        elif number == _GETRANDOM:
            copy_out(CR3, first, bytes(second))
            result = second
        elif number not in (_MPROTECT, _SET_TID, _ROBUST):
            result = _ENOSYS
        state.rax = result & ((1 << 64) - 1)
    raise AssertionError(f"{most_calls} system calls and no end")
