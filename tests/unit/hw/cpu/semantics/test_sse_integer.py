"""Shifts by bytes, shuffles, inserts: against Python's bytes."""

import pytest

from hw.cpu.exits import Syscall
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA

_VALUE = bytes(range(1, 17))


def _run(guest: Guest, text: str) -> bytes:
    guest.put_code(0, assemble(text + "\nsyscall"))
    state = guest.core.state
    state.xmm[2:4] = [int.from_bytes(_VALUE[k : k + 8], "little") for k in (0, 8)]
    state.xmm[4:6] = state.xmm[2:4]
    state.rax = 0xAABB_CCDD_EEFF_1122
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x202, 0
    assert guest.core.run() == Syscall()
    return b"".join(state.xmm[k].to_bytes(8, "little") for k in (2, 3))


@pytest.mark.parametrize("count", [0, 1, 7, 8, 15, 16, 255])
def test_byte_shifts(guest: Guest, count: int):
    assert _run(guest, f"psrldq xmm1, {count}") == (_VALUE + bytes(256))[count : count + 16]
    left = (bytes(256) + _VALUE)[256 - count : 272 - count]
    assert _run(guest, f"pslldq xmm1, {count}") == left


@pytest.mark.parametrize("order", [0, 0x1B, 0xE4, 0xFF])
def test_shuffles(guest: Guest, order: int):
    picks = [order >> shift & 3 for shift in (0, 2, 4, 6)]
    doubles = b"".join(_VALUE[4 * k : 4 * k + 4] for k in picks)
    assert _run(guest, f"pshufd xmm1, xmm2, {order}") == doubles
    low = b"".join(_VALUE[2 * k : 2 * k + 2] for k in picks)
    assert _run(guest, f"pshuflw xmm1, xmm2, {order}") == low + _VALUE[8:]


def test_insertion_leaves_the_neighbours(guest: Guest):
    assert _run(guest, "pinsrw xmm1, eax, 3") == _VALUE[:6] + b"\x22\x11" + _VALUE[8:]
    assert _run(guest, "pinsrd xmm1, eax, 1") == _VALUE[:4] + b"\x22\x11\xff\xee" + _VALUE[8:]
