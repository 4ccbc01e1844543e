"""Directory blocks: what is read is what was packed; damage is EIO, never a loop or a crash."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpkernel.abi.errno import SysError
from mpkernel.fs.ext2.directory import names_in

BLOCK = 1024


def packed(entries: list[tuple[int, int, bytes]]) -> bytes:
    """A block; its last entry reaches to the end."""
    data = b""
    for number, (ino, kind, name) in enumerate(entries, start=1):
        size = 8 + len(name) + 3 & ~3
        if number == len(entries):
            size = BLOCK - len(data)
        data += (struct.pack("<IHBB", ino, size, len(name), kind) + name).ljust(size, b"\0")
    return data


ENTRY = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 7), st.binary(min_size=1, max_size=40))


@given(st.lists(ENTRY, min_size=1, max_size=15))
def test_what_was_packed(entries: list[tuple[int, int, bytes]]) -> None:
    found = list(names_in(packed(entries), 4096, has_file_types=True))
    assert [(one.ino, one.file_type, one.name) for one in found] == [e for e in entries if e[0]]
    assert all(one.offset >= 4096 for one in found)
    untyped = names_in(packed(entries), 0, has_file_types=False)
    assert {one.file_type for one in untyped} <= {0}


@pytest.mark.parametrize(
    ("size", "length"), [(0, 1), (4, 0), (8, 1), (13, 1), (BLOCK + 4, 1), (BLOCK - 4, 1)]
)
def test_damage(size: int, length: int) -> None:
    block = struct.pack("<IHBB", 5, size, length, 1).ljust(BLOCK, b"x")
    with pytest.raises(SysError, match="EIO"):
        list(names_in(block, 0, has_file_types=True))


@given(st.binary(min_size=BLOCK, max_size=BLOCK))
def test_any_bytes_come_to_an_end(block: bytes) -> None:
    try:
        found = list(names_in(block, 0, has_file_types=True))
    except SysError:
        return
    assert len(found) <= BLOCK // 8
