"""Alignment, blends, inserts, masked stores: against Python's bytes."""

import pytest

from hw.cpu.exits import PageFault, Syscall
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA, DATA_SIZE

_LEFT, _RIGHT = bytes(range(16)), bytes(range(0x80, 0x90))


def _run(guest: Guest, text: str, target: bytes = _LEFT, source: bytes = _RIGHT) -> bytes:
    """Xmm1 after an instruction on xmm1 and xmm2."""
    guest.put_code(0, assemble(text + "\nsyscall"))
    state = guest.core.state
    words = [int.from_bytes(b[k : k + 8], "little") for b in (target, source) for k in (0, 8)]
    state.xmm[2:6] = words
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x202, 0
    assert guest.core.run() == Syscall()
    return b"".join(state.xmm[k].to_bytes(8, "little") for k in (2, 3))


@pytest.mark.parametrize("count", [*range(34), 255])
def test_palignr(guest: Guest, count: int):
    whole = _RIGHT + _LEFT + bytes(256)
    assert _run(guest, f"palignr xmm1, xmm2, {count}") == whole[count : count + 16]


@pytest.mark.parametrize(("name", "size"), [("pblendw", 2), ("blendps", 4), ("blendpd", 8)])
def test_blends(guest: Guest, name: str, size: int):
    for chosen in (0, 1, 0x5A, 0xFF):
        expected = b"".join(
            (_RIGHT if chosen >> k & 1 else _LEFT)[k * size : k * size + size]
            for k in range(16 // size)
        )
        assert _run(guest, f"{name} xmm1, xmm2, {chosen}") == expected


def test_insertps_zeroes_after_it_inserts(guest: Guest):
    expected = bytes(4) + _LEFT[4:8] + _RIGHT[12:16] + bytes(4)
    assert _run(guest, "insertps xmm1, xmm2, 0xe9") == expected


def test_masked_store_touches_chosen_bytes_only(guest: Guest):
    guest.put_data(bytes(DATA_SIZE))
    guest.core.state.rdi = DATA + 5
    mask = bytes(0x80 * (k % 3 == 0) for k in range(16))
    _run(guest, "maskmovdqu xmm1, xmm2", b"x" * 16, mask)
    assert guest.data()[5:21] == bytes(0x78 * (k % 3 == 0) for k in range(16))


def test_masked_store_that_faults_stores_nothing(guest: Guest):
    guest.put_data(bytes(DATA_SIZE))
    state = guest.core.state
    state.rdi = DATA + DATA_SIZE - 8
    guest.put_code(0, assemble("maskmovdqu xmm1, xmm1"))
    state.xmm[2:4] = [(1 << 64) - 1] * 2
    state.rip, state.rflags, state.flag_kind = CODE, 0x202, 0
    assert isinstance(guest.core.run(), PageFault)
    assert not any(guest.data())
