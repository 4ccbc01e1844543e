"""Frames: each is handed out once, comes back, and misuse is noticed."""

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.arch import memory
from mpkernel.mm import frames
from mpkernel.mm.page import Page, get_page, put_page
from mpkernel.panic import KernelPanic
from tests.support.kernel_cpu import take_all

pytestmark = [pytest.mark.usefixtures("kernel"), pytest.mark.feature("D1")]


def test_all_frames_are_handed_out_once_and_come_back() -> None:
    before = frames.free_count()
    assert before == frames.total_count()
    taken = take_all()
    assert len(set(taken)) == before
    assert frames.free_count() == 0
    for frame in taken:
        frames.free_frame(frame)
    assert frames.free_count() == before


def test_low_frames_are_used_first() -> None:
    first = frames.alloc_frame()
    for _ in range(100):
        frames.alloc_frame()
    assert all(frames.alloc_frame() < first + (1 << 20) for _ in range(40))


def test_contiguous_frames_lie_in_a_row_and_nobody_else_gets_them() -> None:
    singles = {frames.alloc_frame() for _ in range(50)}
    start = frames.alloc_contiguous(100)
    row = set(range(start, start + 100 * 4096, 4096))
    assert not row & singles
    assert not row & {frames.alloc_frame() for _ in range(500)}
    for frame in row:
        frames.free_frame(frame)
    assert frames.free_count() == frames.total_count() - 550


def test_contiguous_frames_need_a_gap_of_that_size() -> None:
    every = take_all()
    for frame in every[::2]:
        frames.free_frame(frame)
    with pytest.raises(SysError, match="ENOMEM"):
        frames.alloc_contiguous(2)


def test_zeroed_frames_are_zero() -> None:
    frame = frames.alloc_frame()
    memory.write(frame, b"\xff" * 4096)
    frames.free_frame(frame)
    assert frame == (again := frames.alloc_zeroed_frame())
    assert memory.read(again, 4096) == bytes(4096)


def test_a_frame_freed_twice_panics() -> None:
    frame = frames.alloc_frame()
    frames.free_frame(frame)
    with pytest.raises(KernelPanic, match="freed twice"):
        frames.free_frame(frame)


def test_a_frame_that_others_use_is_not_freed() -> None:
    frame = frames.alloc_frame()
    get_page(frame)
    with pytest.raises(KernelPanic, match="with 2 references"):
        frames.free_frame(frame)
    free = frames.free_count()
    put_page(frame)
    assert frames.free_count() == free
    put_page(frame)
    assert frames.free_count() == free + 1
    assert Page.of(frame).references.value == 0


def test_no_frame_is_freed_that_is_none() -> None:
    with pytest.raises(KernelPanic, match="no frame"):
        frames.free_frame(0x1234)
