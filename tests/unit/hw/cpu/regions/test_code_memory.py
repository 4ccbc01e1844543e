"""Code is written at one address and executed at another."""

import ctypes

import pytest

from hw import ram
from hw.cpu.regions import code_memory
from hw.cpu.regions.record import REGIONS

pytestmark = pytest.mark.usefixtures("guest")

#: mov eax, 42; ret
CODE = b"\xb8\x2a\0\0\0\xc3"


def test_placed_code_runs() -> None:
    at = code_memory.place(b"\xcc" + CODE, 1, 5, [(0x1000, 0x2000, 3)])
    assert at is not None
    record = code_memory.record_at(at)
    assert (record.handler, record.page_count) == (5, 1)
    assert ram.CODE_MAP < record.code < ram.CODE_MAP + ram.CODE_SIZE
    assert ctypes.CFUNCTYPE(ctypes.c_int)(record.code)() == 42


def test_regions_do_not_overlap() -> None:
    first = code_memory.place(CODE, 0, 0, [])
    second = code_memory.place(CODE * 20, 0, 0, [(1, 2, 3)] * 4)
    third = code_memory.place(CODE, 0, 0, [])
    assert first is not None
    assert second is not None
    assert third is not None
    assert first + 24 + len(CODE) <= second
    assert second + 5 * 24 + 20 * len(CODE) <= third
    assert code_memory.record_at(first).page_count == 0


def test_full_memory_takes_no_more() -> None:
    REGIONS.used.store(ram.CODE_SIZE - 64)
    assert code_memory.place(CODE, 0, 0, []) is None
    assert REGIONS.used.load() == ram.CODE_SIZE - 64
