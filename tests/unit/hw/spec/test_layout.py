"""Layouts: offsets that are derived, sizes and reserved fields that must add up, bit fields."""

import ctypes
from typing import Annotated, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.spec.layout import (
    DIRECT_MAP,
    Discipline,
    Field,
    Layout,
    atomic,
    fixed,
    guarded_by,
    i32,
    layout,
    u8,
    u16,
    u32,
    u64,
)


@layout(size=8)
class Inner(Layout):
    low: u32
    high: Annotated[i32, fixed]


@layout(size=24)
class Outer(Layout):
    KIND: Final = 3
    tag: Annotated[u8, atomic]
    reserved_0x2: u16
    pair: Inner
    count: Annotated[u64, guarded_by("Outer.lock")]


def test_offsets_are_those_of_the_abi_and_bytes_are_little_endian():
    assert [Outer.offset_of(n) for n in ("tag", "reserved_0x2", "pair", "count")] == [0, 2, 4, 16]
    assert (Outer.SIZE, Outer.KIND) == (24, 3)
    one = Outer.from_buffer(memory := bytearray(24))
    one.pair.high = -2
    one.count = 0x0102_0304_0506_0708
    assert memory.hex() == "0" * 16 + "feffffff" + "0" * 8 + "0807060504030201"


def test_disciplines_are_kept_by_field():
    assert {"tag": atomic, "count": Discipline("guarded_by", "Outer.lock")} == Outer.DISCIPLINE
    assert {"high": fixed} == Inner.DISCIPLINE


def test_view_is_an_address_even_where_no_memory_is():
    assert ctypes.addressof(Outer.at(0x5000)) == DIRECT_MAP + 0x5000
    assert Outer.at(0x5000).phys == 0x5000


def test_packing_leaves_no_holes():
    @layout(size=7, pack=1)
    class Packed(Layout):
        first: u8
        second: u32
        reserved_0x5: u16

    assert Packed.offset_of("second") == 1


def test_wrong_size_reserved_offset_or_type_is_an_error():
    with pytest.raises(TypeError, match="Short is 4 bytes, not 8"):
        layout(size=8)(type("Short", (Layout,), {"__annotations__": {"a": u32}}))
    with pytest.raises(TypeError, match="reserved_0x6 stands at 0x4"):
        layout()(type("Off", (Layout,), {"__annotations__": {"a": u32, "reserved_0x6": u32}}))
    with pytest.raises(TypeError, match=r"Bare\.a: no ctypes type"):
        layout()(type("Bare", (Layout,), {"__annotations__": {"a": int}}))


@given(st.integers(0, 63), st.integers(1, 32), st.integers(0, 2**96 - 1), st.integers(0))
def test_field_put_and_get(lo: int, width: int, word: int, value: int):
    field = Field(lo, width)
    if value >> width:
        with pytest.raises(ValueError, match="does not fit"):
            field.put(word, value)
        return
    text = format(word, "0128b")
    expected = text[: 128 - lo - width] + format(value, f"0{width}b") + text[128 - lo :]
    assert format(field.put(word, value), "0128b") == expected
    assert field.get(field.put(word, value)) == value
    assert field.mask == field.put(0, (1 << width) - 1)
