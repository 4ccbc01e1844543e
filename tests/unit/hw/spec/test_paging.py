"""Bits of page-table entries: each at its place, and the 64 of them parted without rest."""

from hw.spec import paging
from hw.spec.memory_map import MAX_RAM, ram_end

#: APM vol. 2, 5.3.3.
ENTRY = {
    "PRESENT": 0, "WRITABLE": 1, "USER": 2, "WRITE_THROUGH": 3, "CACHE_DISABLE": 4, "ACCESSED": 5,
    "DIRTY": 6, "LARGE": 7, "GLOBAL": 8, "SOFTWARE_0": 9, "SOFTWARE_1": 10, "SOFTWARE_2": 11,
    "NO_EXECUTE": 63,
}  # fmt: skip
#: APM vol. 2, 8.4.2.
ERROR = {"PRESENT": 0, "WRITE": 1, "USER": 2, "RESERVED": 3, "FETCH": 4}


def test_bits_of_an_entry_and_of_an_error_code():
    assert {n: getattr(paging, f"PTE_{n}") for n in ENTRY} == {n: 1 << b for n, b in ENTRY.items()}
    assert {n: getattr(paging, f"FAULT_{n}") for n in ERROR} == {
        n: 1 << b for n, b in ERROR.items()
    }


def test_frame_reserved_and_flag_bits_share_none():
    flags = sum(1 << bit for bit in ENTRY.values())
    ignored = ((1 << 63) - 1) & ~((1 << 52) - 1)  # 62..52, software's
    parts = [flags, paging.PTE_FRAME_MASK, paging.PTE_RESERVED, ignored]
    assert sum(parts) == (1 << 64) - 1


def test_all_ram_has_a_frame_address():
    last = ram_end(MAX_RAM) - 4096
    assert last & paging.PTE_FRAME_MASK == last
    assert last & paging.PTE_RESERVED == 0


def test_an_access_is_the_error_code_it_would_give():
    assert paging.ACCESS_READ == 0
    access = paging.ACCESS_WRITE | paging.ACCESS_FETCH | paging.ACCESS_USER
    assert access == paging.FAULT_WRITE | paging.FAULT_FETCH | paging.FAULT_USER
