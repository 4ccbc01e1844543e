"""Physical memory: what is written is there, and whoever decoded it is told."""

import ctypes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw import atomics, ram
from hw.ram import (
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_VERSIONS,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
    Segment,
)
from hw.spec.layout import Layout, layout, u64
from hw.spec.memory_map import MIB

pytestmark = pytest.mark.usefixtures("board")
PAGE = 4096
AREA = 8 * MIB
SIZE = 4 * PAGE


@layout(size=24)
class Three(Layout):
    """Three words."""

    first: u64
    second: u64
    third: u64


def _version(frame: int) -> int:
    return ctypes.c_uint32.from_address(FRAME_VERSIONS + 4 * (frame >> 12)).value


def _decode(frame: int) -> None:
    """Mark a frame as a core does that decodes it."""
    atomics.or8_at(FRAME_FLAGS + (frame >> 12), FRAME_HAS_CODE)


OFFSETS = st.integers(0, SIZE)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), OFFSETS, st.binary(max_size=5000)),
        st.tuples(st.just("zero"), OFFSETS, st.integers(0, SIZE)),
        st.tuples(st.just("copy"), OFFSETS, st.tuples(OFFSETS, st.integers(0, SIZE))),
    ),
    max_size=12,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_bulk_writes_against_a_bytearray(steps: list[tuple[str, int, object]]):
    ram.zero(AREA, SIZE)
    model = bytearray(SIZE)
    for verb, at, what in steps:
        match verb, what:
            case "write", bytes(data):
                data = data[: SIZE - at]
                ram.write(AREA + at, data)
                model[at : at + len(data)] = data
            case "zero", int(size):
                size = min(size, SIZE - at)
                ram.zero(AREA + at, size)
                model[at : at + size] = bytes(size)
            case "copy", (int(source), int(size)):
                size = min(size, SIZE - at, SIZE - source)
                ram.copy(AREA + at, AREA + source, size)
                model[at : at + size] = model[source : source + size]
    assert ram.read(AREA, SIZE) == model
    assert bytes(ram.array(AREA, SIZE)) == model
    assert ram.words(AREA, SIZE // 8).tobytes() == model


@pytest.mark.parametrize("touch", ["write", "zero", "copy"])
def test_a_bulk_write_over_decoded_code_tells_every_core(touch: str):
    _decode(AREA + PAGE)
    before = [_version(AREA + n * PAGE) for n in range(3)]
    generation = HEADER.code_generation.value
    for pending in PENDING:
        pending.bits.store(0)
    match touch:
        case "write":
            ram.write(AREA + 2 * PAGE - 1, b"xy")
        case "zero":
            ram.zero(AREA + PAGE - 1, 2)
        case "copy":
            ram.copy(AREA + PAGE + 5, AREA, 1)
    assert [_version(AREA + n * PAGE) for n in range(3)] == [before[0], before[1] + 1, before[2]]
    assert HEADER.code_generation.value == generation + 1
    assert all(pending.bits.value == PENDING_CODE_WRITTEN for pending in PENDING)
    ram.write(AREA + PAGE, b"again")
    assert HEADER.code_generation.value == generation + 1, "it was no code any more"


def test_a_write_beside_code_tells_nobody():
    _decode(AREA + PAGE)
    generation = HEADER.code_generation.value
    ram.write(AREA, bytes(PAGE))
    ram.write(AREA + 2 * PAGE, bytes(PAGE))
    assert HEADER.code_generation.value == generation


@pytest.mark.parametrize("addr", [-1, 32 * MIB - 3, 1 << 40])
def test_what_is_no_ram_is_refused(addr: int):
    assert HEADER.ram_end == 32 * MIB
    with pytest.raises(AssertionError, match="no RAM at"):
        ram.read(addr, 4)


def test_a_second_machine_in_a_process_is_refused():
    with pytest.raises(OSError, match="cannot map"):
        ram.create(16 * MIB)


def test_placing_keeps_borders_and_ends_with_the_fork():
    segment = Segment(ctypes.addressof(ram.BOARD.place(Three)), 1024)
    places = [ctypes.addressof(view) for view in segment.place_array(Three, 3, align=64)]
    assert [place - places[0] for place in places] == [0, 64, 128]
    assert segment.reserve(1, align=256) % 256 == 0
    with pytest.raises(AssertionError, match="full"):
        segment.reserve(1024)
    segment.freeze()
    with pytest.raises(AssertionError, match="after the fork"):
        segment.place(Three)


def test_the_ledger_is_memory_apart():
    at = ram.LEDGER_MAP + 64 * MIB
    ram.write_ledger(at, b"12345678")
    assert ram.read_ledger(at, 8) == b"12345678"
    words = ram.ledger_words(at, 1)
    words[0] += 1
    assert ram.read_ledger(at, 8) == b"22345678"
    with pytest.raises(AssertionError, match="ledger"):
        ram.read_ledger(ram.LEDGER_MAP + ram.LEDGER_SIZE, 1)
    with pytest.raises(AssertionError, match="ledger"):
        ram.write_ledger(ram.LEDGER_MAP - 1, b"x")
