"""Page tables against a dict, and against the walk that the hardware does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.cpu import user_copy
from hw.spec.paging import PTE_PRESENT, PTE_USER, PTE_WRITABLE
from mpkernel.arch import page_table
from mpkernel.arch.atomics import store64
from mpkernel.mm import frames
from tests.support.kernel_cpu import kernel_cpu

pytestmark = pytest.mark.feature("D5")

FLAGS = PTE_PRESENT | PTE_USER
#: Pages at and around the borders of tables of each level.
PAGES = st.one_of(
    st.integers(0, 3000),
    st.integers((1 << 18) - 3, (1 << 18) + 3),
    st.integers((1 << 27) - 2, (1 << 27) + 2),
    st.integers((1 << 35) - 600, (1 << 35) - 1),
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(PAGES, st.booleans(), st.booleans()), max_size=60),
    st.tuples(PAGES, PAGES),
)
def test_tables_agree_with_a_dict_and_with_the_walker(
    changes: list[tuple[int, bool, bool]], window: tuple[int, int]
) -> None:
    with kernel_cpu(ram_bytes=16 << 20):
        before = frames.free_count()
        root = frames.alloc_zeroed_frame()
        model: dict[int, int] = {}
        for number, (page, is_mapped, is_writable) in enumerate(changes):
            address = page << 12
            if is_mapped:
                frame = 0x40_0000 + (number << 12)
                flags = FLAGS | (PTE_WRITABLE if is_writable else 0)
                page_table.map_page(root, address, frame, flags, frames.alloc_zeroed_frame)
                model[address] = frame | flags
            elif place := page_table.entry_at(root, address):
                store64(place, 0)
                model.pop(address, None)
        for page, _, _ in changes:
            address = page << 12
            assert page_table.lookup(root, address) == model.get(address, 0)
            found = user_copy.translate(root, address + 5)
            if address in model:
                assert found == (model[address] & ~0xFFF) + 5
                assert user_copy.is_writable(root, address) == bool(model[address] & PTE_WRITABLE)
                store64(page_table.entry_at(root, address), model[address])
            else:
                assert found & user_copy.FAULT
        start, end = sorted(page << 12 for page in window)
        present = page_table.present_entries(root, start, end)
        assert [(at, entry) for at, _, entry in present] == sorted(
            (at, entry) for at, entry in model.items() if start <= at < end
        )
        page_table.free_tables(root, frames.free_frame)
        assert frames.free_count() == before
