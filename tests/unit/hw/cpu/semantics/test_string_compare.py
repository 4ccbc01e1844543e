"""PCMPxSTRx against the manual's own loops, element by element."""

import random

import pytest

from hw.cpu.semantics.string_compare import compare_strings

_MASK64 = (1 << 64) - 1


def _by_the_manual(a: bytes, b: bytes, length_a: int, length_b: int, imm: int) -> int:
    """IntRes2 of the manual."""
    size = 2 if imm & 1 else 1
    signed = bool(imm & 2)
    count = 16 // size
    x, y = (
        [int.from_bytes(d[k : k + size], "little", signed=signed) for k in range(0, 16, size)]
        for d in (a, b)
    )
    kind = imm >> 2 & 3
    result = 0
    for j in range(count):
        inside = j < length_b
        if kind == 0:
            bit = inside and y[j] in x[:length_a]
        elif kind == 1:
            bit = inside and any(x[i] <= y[j] <= x[i + 1] for i in range(0, length_a - 1, 2))
        elif kind == 2:
            bit = (x[j] == y[j]) if inside and j < length_a else not inside and j >= length_a
        else:
            bit = all(
                j + i < length_b and x[i] == y[j + i] for i in range(min(length_a, count - j))
            )
        if imm & 0x10 and (not imm & 0x20 or inside):
            bit = not bit
        result |= bit << j
    return result


@pytest.mark.parametrize("imm", range(64))
def test_every_mode(imm: int):
    rng = random.Random(imm)
    count = 8 if imm & 1 else 16
    for _ in range(12):
        a, b = (bytes(rng.choices((0, 1, 2, 0x41, 0x80, 0xFF), k=16)) for _ in range(2))
        length_a, length_b = rng.choice([1, 2, count]), rng.randint(0, count)
        words = [int.from_bytes(d[k : k + 8], "little") for d in (a, b) for k in (0, 8)]
        valid = (1 << length_a) - 1 | ((1 << length_b) - 1) << 16
        got = compare_strings(*words, valid, imm)
        assert got == _by_the_manual(a, b, length_a, length_b, imm)
