"""Kernel copies: complete over the borders of pages and pieces, cut where a page refuses."""

from hw.spec.paging import PTE_PRESENT, PTE_USER, PTE_WRITABLE
from mpkernel.arch import page_table, user_access
from mpkernel.arch.tlb_shootdown import CPUS
from mpkernel.mm import address_space, frames
from tests.support.kernel_cpu import kernel_cpu

AT = 0x40_0800
PAGES = 40
READ_ONLY = 35


def test_copies_stop_exactly_where_a_page_refuses() -> None:
    with kernel_cpu(ram_bytes=16 << 20):
        space = address_space.create()
        for page in range(PAGES):
            flags = PTE_PRESENT | PTE_USER | (PTE_WRITABLE if page != READ_ONLY else 0)
            address = (AT & ~0xFFF) + page * 4096
            frame = frames.alloc_zeroed_frame()
            page_table.map_page(space.root, address, frame, flags, frames.alloc_zeroed_frame)
        data = bytes(range(256)) * (PAGES * 16)
        writable = READ_ONLY * 4096 - 0x800
        readable = PAGES * 4096 - 0x800
        assert writable > 2 * user_access.PIECE
        assert user_access.copy_out(space.phys, AT, data) == writable
        assert user_access.copy_in(space.phys, AT, len(data)) == data[:writable] + bytes(
            readable - writable
        )
        assert user_access.copy_in(space.phys, AT, 0) == b""
        assert user_access.copy_out(space.phys, AT, b"") == 0
        assert CPUS.of(0).copying.value == 0
