"""Runs a few lines of assembly that use x87 or MMX on a core, for unit tests."""

import struct

from hw.cpu.exits import Syscall
from hw.cpu.state import CpuState
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA, DATA_SIZE


def execute(guest: Guest, text: str, data: bytes = b"") -> CpuState:
    """The core after some lines, x87 fresh at their beginning, rbx at the data."""
    guest.put_code(0, assemble(text + "\nsyscall"))
    guest.put_data(data.ljust(DATA_SIZE, b"\0"))
    state = guest.core.state
    state.fpu_control, state.fpu_status, state.fpu_tags = 0x37F, 0, 0
    state.x87[:] = [0] * 16
    state.rip, state.rbx, state.rsp = CODE, DATA, DATA + DATA_SIZE - 256
    state.rflags, state.flag_kind, state.mxcsr = 0x202, 0, 0x1F80
    assert guest.core.run() == Syscall()
    return state


def double_at(guest: Guest, offset: int) -> float:
    """A double of the data."""
    number: float = struct.unpack_from("<d", guest.data(), offset)[0]
    return number
