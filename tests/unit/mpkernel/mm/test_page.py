"""Page descriptors: each frame has its own, and its references free it exactly once."""

import pytest

from mpkernel.mm import frames
from mpkernel.mm.page import PAGE_UP_TO_DATE, Page, get_page, put_page
from mpkernel.panic import KernelPanic
from tests.support.kernel_cpu import take_all

pytestmark = pytest.mark.usefixtures("kernel")


def test_descriptors_do_not_overlap_frames_or_each_other() -> None:
    taken = take_all()
    for frame in taken:
        Page.of(frame).index = frame
    assert all(Page.of(frame).index == frame for frame in taken)
    assert {Page.of(frame).phys & ~0xFFF for frame in taken}.isdisjoint(taken)


def test_the_last_reference_frees_the_frame_and_no_more_can_be_had() -> None:
    frame = frames.alloc_frame()
    Page.of(frame).flags.or_(PAGE_UP_TO_DATE)
    free = frames.free_count()
    get_page(frame)
    put_page(frame)
    assert frames.free_count() == free
    put_page(frame)
    assert frames.free_count() == free + 1
    with pytest.raises(KernelPanic, match="gone"):
        get_page(frame)


def test_a_reference_dropped_twice_panics() -> None:
    frame = frames.alloc_frame()
    put_page(frame)
    with pytest.raises(KernelPanic, match="twice"):
        put_page(frame)
