"""RDRAND and RDSEED: the right register, size and flags, and values that differ."""

import pytest

from hw.cpu.exits import Syscall
from hw.spec.registers import RFLAGS_CF, RFLAGS_STATUS
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA

_ONES = (1 << 64) - 1


def _run(guest: Guest, text: str) -> None:
    guest.put_code(0, assemble(text + "\nsyscall"))
    state = guest.core.state
    state.gpr[:] = [_ONES] * 16
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x8D7, 0
    assert guest.core.run() == Syscall()


@pytest.mark.parametrize("name", ["rdrand", "rdseed"])
def test_sizes_and_flags(guest: Guest, name: str):
    kept = {"bx": _ONES >> 16, "ebx": 0, "rbx": None}
    for register, upper in kept.items():
        found = set()
        for _ in range(8):
            _run(guest, f"{name} {register}")
            found.add(guest.core.state.rbx)
            assert guest.core.state.rflags & RFLAGS_STATUS == RFLAGS_CF
        assert len(found) > 4
        if upper is not None:
            shift = 16 if register == "bx" else 32
            assert {value >> shift for value in found} == {upper}


def test_execution_goes_on_after_it_and_counts(guest: Guest):
    before = guest.core.state.instructions
    _run(guest, "rdrand r9\nmov r10, r9\nrdseed r11")
    state = guest.core.state
    assert state.r9 == state.r10 != state.r11
    assert state.instructions - before == 4
