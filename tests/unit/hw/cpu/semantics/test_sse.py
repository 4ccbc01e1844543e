"""Moves of vector registers, alignment, MXCSR."""

import pytest

from hw.cpu.exits import CpuException, PageFault, Syscall
from hw.cpu.semantics.sse import chosen_elements
from tests.differential.guest import Guest
from tests.differential.host import DATA, DATA_SIZE
from tests.support import hot_code

_LEFT = 0x0F0E0D0C0B0A09080706050403020100
_RIGHT = 0xFFEEDDCCBBAA99887766554433221100
_HALF = (1 << 64) - 1


def _run(guest: Guest, text: str, **registers: int) -> int:
    """Xmm1 after ``text``, which finds two values in xmm1 and xmm2."""
    hot_code.start(guest, f"{text}\nsyscall", **registers)
    state = guest.core.state
    state.xmm[2:6] = [_LEFT & _HALF, _LEFT >> 64, _RIGHT & _HALF, _RIGHT >> 64]
    assert guest.core.run() == Syscall()
    return int(state.xmm[2] | state.xmm[3] << 64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("movaps xmm1, xmm2", _RIGHT),
        ("movlhps xmm1, xmm2", _LEFT & _HALF | (_RIGHT & _HALF) << 64),
        ("movhlps xmm1, xmm2", _LEFT >> 64 << 64 | _RIGHT >> 64),
        ("movsd xmm1, xmm2", _LEFT >> 64 << 64 | _RIGHT & _HALF),
        ("movss xmm1, xmm2", _LEFT >> 32 << 32 | _RIGHT & 0xFFFF_FFFF),
        ("movq xmm1, xmm2", _RIGHT & _HALF),
        ("movq xmm1, rax", 77),
        ("movd xmm1, eax", 77),
    ],
)
def test_registers(guest: Guest, text: str, expected: int):
    assert _run(guest, text, rax=77) == expected


@pytest.mark.parametrize("offset", [0x40, 0x41, 0xFF0, 0xFF8, 0xFFF])
def test_memory(guest: Guest, offset: int):
    data = bytes(k * 7 & 0xFF for k in range(DATA_SIZE))
    there = int.from_bytes(data[offset : offset + 16], "little")
    for text, expected in (
        ("movups xmm1, [rdi]", there),
        ("movsd xmm1, [rdi]", there & _HALF),
        ("movlps xmm1, [rdi]", _LEFT >> 64 << 64 | there & _HALF),
        ("movhps xmm1, [rdi]", _LEFT & _HALF | (there & _HALF) << 64),
    ):
        guest.put_data(data)
        assert _run(guest, text, rdi=DATA + offset) == expected
        assert guest.data() == data
    for text, value, size in (
        ("movups [rdi], xmm2", _RIGHT, 16),
        ("movsd [rdi], xmm2", _RIGHT & _HALF, 8),
        ("movhps [rdi], xmm2", _RIGHT >> 64, 8),
    ):
        _run(guest, text, rdi=DATA + offset)
        assert int.from_bytes(guest.data()[offset : offset + size], "little") == value


@pytest.mark.parametrize("text", ["movaps xmm1, [rdi]", "movaps [rdi], xmm1", "paddd xmm1, [rdi]"])
def test_what_must_be_aligned_is(guest: Guest, text: str):
    hot_code.start(guest, f"{text}\nsyscall", rdi=DATA + 8)
    assert guest.core.run() == CpuException(13, 0)


def test_nothing_is_written_if_the_end_cannot_be(guest: Guest):
    guest.put_data(bytes(DATA_SIZE))
    hot_code.start(guest, "movups [rdi], xmm2\nsyscall", rdi=DATA + DATA_SIZE - 8)
    guest.core.state.xmm[4] = 1
    assert guest.core.run() == PageFault(DATA + DATA_SIZE, 6)
    assert guest.data() == bytes(DATA_SIZE)
    hot_code.start(guest, "movups xmm1, [rdi]\nsyscall", rdi=DATA + DATA_SIZE - 8)
    assert guest.core.run() == PageFault(DATA + DATA_SIZE, 4)


def test_mxcsr_has_sixteen_bits(guest: Guest):
    guest.put_data((0x1F80).to_bytes(4, "little") + (0x1_0000).to_bytes(4, "little"))
    hot_code.start(guest, "ldmxcsr [rdi]\nstmxcsr [rdi + 8]\nldmxcsr [rdi + 4]\nsyscall", rdi=DATA)
    assert guest.core.run() == CpuException(13, 0)
    assert guest.data()[8:12] == (0x1F80).to_bytes(4, "little")


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_chosen_elements(bits: int):
    ones = (1 << bits) - 1
    for chosen in range(1 << 128 // bits):
        expected = sum(ones << bits * k for k in range(128 // bits) if chosen >> k & 1)
        assert chosen_elements(chosen, bits) == expected
