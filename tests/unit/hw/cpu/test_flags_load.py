"""What POPF and IRET may load, by privilege, IOPL and size."""

import itertools

import pytest

from hw.cpu.flags_load import load_flags
from hw.cpu.vector_core import VectorCore

IF, IOPL, RF, ID = 1 << 9, 3 << 12, 1 << 16, 1 << 21
CASES = list(itertools.product((0, 1, 3), (0, 1, 3), (2, 4, 8)))


@pytest.mark.parametrize(("level", "iopl", "size"), CASES)
def test_bits(vector_core: VectorCore, level: int, iopl: int, size: int) -> None:
    state = vector_core.state
    state.rflags = 2 | iopl << 12
    load_flags(vector_core, (1 << 22) - 1, size, level, with_rf=False)
    assert bool(state.rflags & IF) == (level <= iopl)
    assert (state.rflags & IOPL) >> 12 == (3 if level == 0 else iopl)
    assert bool(state.rflags & ID) == (size > 2)
    assert not state.rflags & (RF | 1 << 17)


def test_rf_is_irets(vector_core: VectorCore) -> None:
    load_flags(vector_core, RF, 4, 0, with_rf=True)
    assert vector_core.state.rflags == RF | 2
