"""One instruction among running cores: it alone runs, its count is exact, a fault leaves rip."""

import ctypes

from hw.cpu.decode import decode_block
from hw.cpu.exits import EXIT_NONE, EXIT_PAGE_FAULT
from hw.cpu.run_loop import OUTSIDE
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE


def _run_one(guest: Guest, text: str) -> int:
    code = assemble(text)
    built = decode_block(CODE, code, len(code), 1).finish()
    buffer = ctypes.create_string_buffer(built, len(built))
    guest.core.state.rip = CODE
    reason: int = guest.core.native.run_one(guest.core.at, ctypes.addressof(buffer))
    return reason


def test_one_instruction(guest: Guest) -> None:
    state = guest.core.state
    before = state.instructions
    assert _run_one(guest, "inc rax\ninc rax") == EXIT_NONE
    assert (state.rip, state.instructions - before) == (CODE + 3, 1)
    assert state.running == OUTSIDE


def test_a_jump(guest: Guest) -> None:
    assert _run_one(guest, "jmp 1f\nnop\n1:") == EXIT_NONE
    assert guest.core.state.rip == CODE + 3


def test_a_fault(guest: Guest) -> None:
    before = guest.core.state.instructions
    assert _run_one(guest, "mov eax, [0x7000]") == EXIT_PAGE_FAULT
    assert (guest.core.state.rip, guest.core.state.instructions) == (CODE, before)
