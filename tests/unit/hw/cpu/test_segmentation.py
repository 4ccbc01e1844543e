"""Loads of segment registers in protected mode; tests/bare has them in long mode, by the manual."""

import pytest

from hw import ram
from hw.cpu import segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore


@pytest.mark.parametrize(("number", "selector", "fault"), [
    (segmentation.DS, 0x10, None), (segmentation.DS, 0x28, None), (segmentation.DS, 0x20, None),
    (segmentation.DS, 0, None), (segmentation.SS, 0, (13, 0)), (segmentation.SS, 0x28, (13, 0x28)),
    (segmentation.SS, 0x23, (13, 0x20)), (segmentation.DS, 0x30, (11, 0x30)),
    (segmentation.SS, 0x30, (12, 0x30)), (segmentation.DS, 0x38, (13, 0x38)),
    (segmentation.ES, 0x100, (13, 0x100)), (segmentation.ES, 0x0C, (13, 0x0C)),
    (segmentation.DS, 0x13, (13, 0x10)), (segmentation.FS, 0x4B, None),
])  # fmt: skip
def test_load(
    protected: VectorCore, number: int, selector: int, fault: tuple[int, int] | None
) -> None:
    if fault is None:
        segmentation.load(protected, number, selector)
        name = ("es", "cs", "ss", "ds", "fs", "gs")[number]
        assert getattr(protected.state, f"{name}_selector") == selector
        assert bool(getattr(protected.state, f"{name}_attributes")) == bool(selector)
    else:
        with pytest.raises(CpuFault) as caught:
            segmentation.load(protected, number, selector)
        assert (caught.value.vector, caught.value.error) == fault


def test_a_load_sets_the_accessed_bit(protected: VectorCore) -> None:
    ram.words(0x3000, 16)[2] = 0x00CF_9200_0000_FFFF
    segmentation.load(protected, segmentation.ES, 0x10)
    assert ram.words(0x3000, 16)[2] == 0x00CF_9300_0000_FFFF


@pytest.mark.feature("B1")
def test_a_tss_is_taken_once(protected: VectorCore) -> None:
    segmentation.load_tr(protected, 0x40)
    assert protected.state.tr_base == 0x5000
    assert ram.words(0x3000, 16)[8] >> 40 & 0xF == 11
    with pytest.raises(CpuFault) as caught:
        segmentation.load_tr(protected, 0x40)
    assert (caught.value.vector, caught.value.error) == (13, 0x40)


def test_descriptors_of_the_ldt(protected: VectorCore) -> None:
    segmentation.load_ldtr(protected, 0x38)
    ram.words(0x4000, 2)[1] = 0x00CF_9300_0000_FFFF
    segmentation.load(protected, segmentation.DS, 0x0C)
    assert protected.state.ds_selector == 0x0C


def test_a_return_outwards_drops_inner_segments(protected: VectorCore) -> None:
    segmentation.load(protected, segmentation.FS, 0x20)
    protected.state.cpl = 3
    segmentation.drop_inner(protected)
    assert protected.state.ds_attributes == protected.state.es_attributes == 0
    assert protected.state.fs_attributes
