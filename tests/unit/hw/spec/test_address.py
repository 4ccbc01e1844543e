"""Page arithmetic against division, and canonical addresses at their borders."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.spec.address import (
    PAGE_SIZE,
    is_canonical,
    page_down,
    page_up,
    pfn_of,
    phys_of,
)

ADDRESSES = st.integers(0, 2**64 - 1)


def test_a_page_is_as_large_as_the_hosts():
    assert PAGE_SIZE == mmap.PAGESIZE == 4096


@given(ADDRESSES)
def test_rounding_is_that_of_division(addr: int):
    assert page_down(addr) == addr // 4096 * 4096
    assert page_up(addr) == -(-addr // 4096) * 4096
    assert pfn_of(addr) == addr // 4096
    assert phys_of(pfn_of(addr)) == page_down(addr)


@pytest.mark.parametrize(
    ("addr", "canonical"),
    [
        (0, True),
        (0x0000_7FFF_FFFF_FFFF, True),
        (0x0000_8000_0000_0000, False),
        (0xFFFF_7FFF_FFFF_FFFF, False),
        (0xFFFF_8000_0000_0000, True),
        (2**64 - 1, True),
        (2**64, False),
    ],
)
def test_canonical_borders(addr: int, canonical: bool):
    assert is_canonical(addr) is canonical


@given(ADDRESSES)
def test_canonical_is_sign_extension_of_48_bits(addr: int):
    low = addr & (2**48 - 1)
    extended = low - 2**48 if low >> 47 else low
    assert is_canonical(addr) == (extended % 2**64 == addr)
