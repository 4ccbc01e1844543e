"""#XM: raised where it is unmasked, the target untouched, MXCSR exact."""

import struct

import pytest

from hw.cpu.exits import CpuException, Exit, Syscall
from hw.spec.vectors import SIMD
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA

_ALL = 0x1F80
_INVALID, _DENORMAL, _ZERO, _OVERFLOW, _UNDERFLOW, _PRECISION = (1 << k for k in range(6))


def _run(guest: Guest, text: str, a: float, b: float, mxcsr: int) -> Exit:
    guest.put_code(0, assemble(text + "\nsyscall"))
    state = guest.core.state
    state.xmm[2], state.xmm[4] = (struct.unpack("<Q", struct.pack("<d", x))[0] for x in (a, b))
    state.mxcsr = mxcsr
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x202, 0
    return guest.core.run()


_CASES = [
    ("addsd", float("inf"), float("-inf"), _INVALID),
    ("mulsd", 5e-324, 1.0, _DENORMAL | _UNDERFLOW),
    ("divsd", 1.0, 0.0, _ZERO),
    ("mulsd", 1e308, 1e308, _OVERFLOW | _PRECISION),
    ("mulsd", 1e-300, 1e-300, _UNDERFLOW | _PRECISION),
    ("divsd", 1.0, 3.0, _PRECISION),
    ("comisd", float("nan"), 1.0, _INVALID),
    ("cvtsd2si rax,", 0.0, 1e300, _INVALID),
    ("roundsd", 0.0, 0.5, _PRECISION),
]


@pytest.mark.parametrize(("name", "a", "b", "flags"), _CASES)
def test_each_flag_raises_if_unmasked(guest: Guest, name: str, a: float, b: float, flags: int):
    text = f"{name} xmm2" if name.endswith(",") else f"{name} xmm1, xmm2"
    text += ", 0" if name == "roundsd" else ""
    for bit in range(6):
        mxcsr = _ALL & ~(0x80 << bit)
        end = _run(guest, text, a, b, mxcsr)
        state = guest.core.state
        if flags >> bit & 1:
            assert end == CpuException(SIMD, 0)
            assert state.xmm[2] == struct.unpack("<Q", struct.pack("<d", a))[0]
            assert state.rip == CODE
            assert state.mxcsr & 1 << bit
        else:
            assert end == Syscall()
            assert state.mxcsr & 0x3F == flags & (~_UNDERFLOW if a == 5e-324 else 0x3F)


def test_flags_that_are_sticky_already_raise_nothing(guest: Guest):
    assert _run(guest, "addsd xmm1, xmm2", 1.0, 1.0, 0x3F) == Syscall()
    assert guest.core.state.mxcsr == 0x3F


def test_operands_come_before_the_result(guest: Guest):
    text = "movddup xmm1, xmm1\nmovddup xmm2, xmm2\nmulpd xmm1, xmm2"
    mxcsr = _ALL & ~(0x80 << 1)
    assert _run(guest, text, 5e-324, 0.3, mxcsr) == CpuException(SIMD, 0)
    assert guest.core.state.mxcsr & 0x3F == _DENORMAL


def test_integer_instructions_raise_nothing(guest: Guest):
    assert _run(guest, "paddq xmm1, xmm2\nandpd xmm1, xmm2", float("nan"), 1.0, 0) == Syscall()
