"""Scatter and gather of bits."""

from hypothesis import given
from hypothesis import strategies as st

from hw.cpu.semantics.bmi import blsi, blsmsk, blsr, deposit, gather

_word = st.integers(0, (1 << 64) - 1)


@given(_word, _word)
def test_gather_undoes_deposit(value: int, mask: int):
    spread = deposit(value, mask)
    assert spread & ~mask == 0
    assert gather(spread, mask) == value & ((1 << mask.bit_count()) - 1)


@given(_word, _word)
def test_gather_keeps_the_order_of_bits(value: int, mask: int):
    picked = [value >> k & 1 for k in range(64) if mask >> k & 1]
    assert gather(value, mask) == sum(bit << k for k, bit in enumerate(picked))


@given(st.integers(1, (1 << 64) - 1))
def test_lowest_one(value: int):
    assert blsi(value) | blsr(value) == value
    assert blsi(value).bit_count() == 1
    assert blsmsk(value) == blsi(value) * 2 - 1
