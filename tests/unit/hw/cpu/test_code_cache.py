"""The arena of blocks: who finds what, and what a block was before it ran."""

from collections.abc import Callable

import pytest

from hw import ram
from hw.cpu import code_cache
from hw.cpu.code_cache import Block
from hw.cpu.decode import decode_block
from hw.cpu.state import MODE_CODE_32, MODE_LEGACY
from tests.differential.assembly import assemble
from tests.differential.guest import CODE_FRAMES, Guest
from tests.differential.host import CODE
from tests.support import hot_code

#: A way to publish: (guest, records, frame, version) -> host address or 0.
Publish = Callable[[Guest, bytes, int, int], int]


def natively(guest: Guest, records: bytes, frame: int, version: int) -> int:
    return guest.core.native.publish(records, len(records), frame, version)


def in_python(guest: Guest, records: bytes, frame: int, version: int) -> int:
    guest.put_data(records)
    at = ram.DIRECT_MAP + Guest.DATA_FRAMES
    return code_cache.publish(at, len(records), frame, version)


both = pytest.mark.parametrize("publish", [natively, in_python])


def record(rip: int, text: str = "mov eax, 1\nret") -> bytes:
    """A block as ``publish`` takes it."""
    code = assemble(text)
    built = decode_block(rip, code, len(code))
    data = built.finish()
    return code_cache.packed_header(rip, len(data), built.position) + data


def found(guest: Guest, rip: int) -> int:
    """Host address of a block's header, or 0; the jump cache does not help."""
    guest.core.flush_tlb()
    first = code_cache.find_block(guest.core.state, rip)
    return first and first - Block.SIZE


@both
def test_all_published_blocks_are_found(guest: Guest, publish: Publish) -> None:
    texts = ("nop\nret", "add eax, [rdi]\njmp rax", "mov ebx, 7\nsyscall")
    rips = (CODE + 1, CODE + 0x123, CODE + 0xFF0)
    records = b"".join(map(record, rips, texts))
    at = publish(guest, records, CODE_FRAMES, code_cache.version_of(CODE_FRAMES))
    assert at == found(guest, rips[0])
    for rip, text in zip(rips, texts, strict=True):
        header = Block.from_address(found(guest, rip))
        assert (header.rip, header.frame) == (rip, CODE_FRAMES)
        assert code_cache.as_decoded(header) == record(rip, text)
    assert not found(guest, CODE + 2)
    assert code_cache.HEADER.used.load() == len(records)


@both
def test_the_newest_is_found_first(guest: Guest, publish: Publish) -> None:
    old, new = (publish(guest, record(CODE), CODE_FRAMES, 0) for _ in range(2))
    assert old != new == found(guest, CODE)
    assert [block.rip for block in code_cache.published()] == [CODE, CODE]


@pytest.mark.parametrize(
    ("frame", "version"),
    [
        (CODE_FRAMES + 4096, 0),
        (CODE_FRAMES, 1),
        (CODE_FRAMES, 1 << 32),
        (CODE_FRAMES | MODE_LEGACY, 0),
        (CODE_FRAMES | MODE_LEGACY | MODE_CODE_32, 0),
    ],
    ids=("frame", "version", "code base", "mode", "mode 32"),
)
def test_a_block_of_something_else_is_not_found(guest: Guest, frame: int, version: int) -> None:
    natively(guest, record(CODE), frame, version)
    assert not found(guest, CODE)


def test_written_code_is_found_no_more_and_stays_published(guest: Guest) -> None:
    hot_code.start(guest, "mov eax, 1\nsyscall")
    hot_code.run(guest)
    assert found(guest, CODE)
    guest.put_code(8, b"\x90")
    assert not found(guest, CODE)
    assert [block.rip for block in code_cache.published()] == [CODE]


@both
def test_a_full_arena_takes_nothing(guest: Guest, publish: Publish) -> None:
    code_cache.HEADER.used.store(code_cache.ARENA_SIZE - len(record(CODE)) + 32)
    assert publish(guest, record(CODE), CODE_FRAMES, 0) == 0
    assert not list(code_cache.published())
    code_cache.empty()
    assert code_cache.HEADER.epoch.load() == 1
    assert publish(guest, record(CODE), CODE_FRAMES, 0) == found(guest, CODE)


@both
def test_the_last_block_that_fits_is_taken(guest: Guest, publish: Publish) -> None:
    code_cache.HEADER.used.store(code_cache.ARENA_SIZE - len(record(CODE)))
    assert publish(guest, record(CODE), CODE_FRAMES, 0) == found(guest, CODE) != 0


def test_a_straddling_block_counts_only_with_its_second_page(guest: Guest) -> None:
    at = 4096 - 2
    guest.put_code(at, assemble("mov eax, 0x01020304\nsyscall"))
    hot_code.point(guest, rip=CODE + at)
    hot_code.run(guest)
    assert found(guest, CODE + at)
    guest.put_code(4096, assemble("nop\nnop"))
    assert not found(guest, CODE + at)


def test_running_leaves_no_trace_in_what_was_decoded(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    made = hot_code.make_region(guest)
    blocks = {block.rip: block for block in code_cache.published()}
    hot = blocks[CODE + 3]
    assert hot.region == code_cache.block_at(made.shape.blocks[0].at).region
    text = "add rax, rcx\ndec rcx\n.byte 0x75, 0xf8\nsyscall"  # a jump to the block itself
    assert code_cache.micro_ops_at(made.shape.blocks[0].at) != record(CODE + 3, text)[Block.SIZE :]
    assert code_cache.as_decoded(hot) == record(CODE + 3, text)
