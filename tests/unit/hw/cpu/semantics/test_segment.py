"""Limits and types of segments against a model of byte sets."""

import random

from hw.cpu.semantics.segment import linear_address
from hw.cpu.vector_core import VectorCore
from hw.spec.vectors import GENERAL_PROTECTION, STACK


def _allowed(kind: int, limit: int, big: bool, offset: int, size: int, write: bool) -> bool:
    """APM vol. 2, 4.8.1 and 4.12: what may be touched, byte by byte."""
    code, second, first = kind & 8, kind & 4, kind & 2
    if write and (code or not first):
        return False
    if not write and code and not first:
        return False
    top = 0xFFFF_FFFF if big else 0xFFFF
    down = second and not code
    return all(
        (limit < byte <= top) if down else byte <= limit for byte in range(offset, offset + size)
    )


def test_random_segments(vector_core: VectorCore) -> None:
    state = vector_core.state
    rng = random.Random(4)
    seen = set()
    for _ in range(4000):
        number = rng.randrange(6)
        name = ("es", "cs", "ss", "ds", "fs", "gs")[number]
        kind, limit, big = rng.randrange(16), rng.choice((0, 7, 0xFFF, 0xFFFF)), rng.random() < 0.5
        offset = max(0, limit + rng.randrange(-9, 9))
        size, write = rng.choice((1, 2, 4, 8)), rng.random() < 0.5
        base = rng.choice((0, 0x1234, 0xFFFF_FFF0))
        setattr(state, f"{name}_attributes", 0x90 | kind | big << 14)
        setattr(state, f"{name}_limit", limit)
        setattr(state, f"{name}_base", base)
        state.fault = 0
        found = linear_address(state, number, offset, size - 1, int(write))
        want = _allowed(kind, limit, big, offset, size, write)
        assert bool(state.fault) != want, (kind, limit, big, offset, size, write)
        seen.add(want)
        if want:
            assert found == (base + offset) & 0xFFFF_FFFF
        else:
            assert state.exit_vector == (STACK if number == 2 else GENERAL_PROTECTION)
    assert seen == {True, False}


def test_null_segment(vector_core: VectorCore) -> None:
    vector_core.state.ds_attributes = 0
    linear_address(vector_core.state, 3, 0, 0, 0)
    assert vector_core.state.fault
    assert vector_core.state.exit_vector == GENERAL_PROTECTION
