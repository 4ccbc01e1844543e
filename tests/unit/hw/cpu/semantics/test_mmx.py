"""MMX by lines of assembly, against Python's bytes."""

import struct

import pytest

from tests.differential.guest import Guest
from tests.support.x87_run import execute

_A, _B = bytes((1, 200, 3, 250, 5, 6, 127, 128)), bytes((9, 100, 255, 10, 1, 0, 2, 129))


def _run(guest: Guest, text: str) -> bytes:
    """Mm0 after an instruction on mm0 and mm1."""
    state = execute(guest, f"movq mm0, [rbx]\nmovq mm1, [rbx + 8]\n{text}", _A + _B)
    assert (state.fpu_tags, state.x87[1]) == (0xFF, 0xFFFF)
    result: bytes = state.x87[0].to_bytes(8, "little")
    return result


def test_arithmetic(guest: Guest) -> None:
    assert _run(guest, "paddb mm0, mm1") == bytes(
        (a + b) & 255 for a, b in zip(_A, _B, strict=True)
    )
    assert _run(guest, "paddusb mm0, mm1") == bytes(
        min(a + b, 255) for a, b in zip(_A, _B, strict=True)
    )
    assert _run(guest, "pmaxub mm0, [rbx + 8]") == bytes(map(max, zip(_A, _B, strict=True)))


def test_packing_and_unpacking(guest: Guest) -> None:
    pairs = [byte for pair in zip(_A, _B, strict=True) for byte in pair]
    assert _run(guest, "punpcklbw mm0, mm1") == bytes(pairs[:8])
    assert _run(guest, "punpckhbw mm0, mm1") == bytes(pairs[8:])
    words = struct.unpack("<8h", _A + _B)
    assert _run(guest, "packuswb mm0, mm1") == bytes(min(max(w, 0), 255) for w in words)


@pytest.mark.parametrize("count", [0, 3, 8, 11, 15, 16, 255])
def test_palignr(guest: Guest, count: int) -> None:
    assert _run(guest, f"palignr mm0, mm1, {count}") == (_B + _A + bytes(255))[count : count + 8]


def test_words(guest: Guest) -> None:
    words = struct.unpack("<4H", _B)
    assert _run(guest, "pshufw mm0, mm1, 0x1B") == struct.pack("<4H", *words[::-1])
    assert _run(guest, "mov eax, 0x1234\npinsrw mm0, eax, 2") == _A[:4] + b"\x34\x12" + _A[6:]


def test_masked_store(guest: Guest) -> None:
    _run(guest, "lea rdi, [rbx + 64]\nmaskmovq mm0, mm1")
    assert guest.data()[64:72] == bytes(a if b & 128 else 0 for a, b in zip(_A, _B, strict=True))


def test_emms_empties(guest: Guest) -> None:
    assert execute(guest, "movq mm0, [rbx]\nemms").fpu_tags == 0
