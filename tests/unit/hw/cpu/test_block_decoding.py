"""The block at rip: decoded, or found with its page; and no write to its frame goes unseen."""

from pathlib import Path

import pytest

from hw import atomics
from hw.cpu import code_cache, code_store
from hw.cpu.code_store import STORE
from hw.cpu.exits import PageFault
from hw.cpu.state import MODE_NO_FPU
from hw.ram import (
    FRAME_CODE_BITS,
    FRAME_FLAGS,
    FRAME_HAS_CODE,
    FRAME_WRITE_TAG_GIVEN,
    HEADER,
    PENDING,
    PENDING_CODE_WRITTEN,
)
from hw.spec.paging import FAULT_FETCH, FAULT_USER
from tests.differential.assembly import assemble
from tests.differential.guest import CODE_FRAMES, Guest
from tests.differential.host import CODE, CODE_SIZE
from tests.support import hot_code


def bits(offset: int = 0) -> int:
    return atomics.or8_at(FRAME_FLAGS + (CODE_FRAMES + offset >> 12), 0)


def test_a_frame_is_marked_before_it_is_decoded(guest: Guest) -> None:
    hot_code.start(guest, "mov eax, 1\nsyscall")
    assert bits() == 0
    hot_code.run(guest)
    assert bits() == FRAME_CODE_BITS
    guest.put_code(100, b"\x90")
    assert bits() == 0
    assert HEADER.code_generation.load() == 1


def test_a_frame_that_is_written_unseen_is_taken_from_the_writers(guest: Guest) -> None:
    hot_code.start(guest, "mov [rdi], eax\nsyscall", rdi=CODE + 4096)
    guest.put_code(4096, assemble("syscall"))
    hot_code.run(guest)
    assert bits(4096) == FRAME_WRITE_TAG_GIVEN
    generation = HEADER.code_generation.load()
    hot_code.point(guest, rip=CODE + 4096)
    hot_code.run(guest)
    assert bits(4096) == FRAME_CODE_BITS
    assert HEADER.code_generation.load() == generation + 1
    assert all(pending.bits.load() & PENDING_CODE_WRITTEN for pending in PENDING[1:])


def test_who_finds_a_frame_that_is_being_taken_waits_for_the_writers_too(guest: Guest) -> None:
    hot_code.start(guest, "mov eax, 1\nsyscall")
    atomics.or8_at(FRAME_FLAGS + (CODE_FRAMES >> 12), FRAME_HAS_CODE | FRAME_WRITE_TAG_GIVEN)
    hot_code.run(guest)
    assert bits() == FRAME_CODE_BITS
    assert HEADER.code_generation.load() == 1


def test_a_page_that_only_a_straddling_block_reaches_is_not_looked_up_yet(guest: Guest) -> None:
    guest.put_code(4094, assemble("mov eax, 0x01020304\nhlt"))
    hot_code.point(guest, rip=CODE + 4094)
    straddling = guest.core._publish_block
    guest.core.state.code_frame = CODE_FRAMES
    assert straddling()
    assert (bits(), bits(4096)) == (FRAME_CODE_BITS, FRAME_HAS_CODE)
    hot_code.run(guest)
    assert bits(4096) == FRAME_CODE_BITS


def test_a_second_page_that_is_not_there_is_the_fault(guest: Guest) -> None:
    guest.put_code(CODE_SIZE - 2, assemble("mov eax, 1")[:2])
    hot_code.point(guest, rip=CODE + CODE_SIZE - 2)
    end, count = hot_code.run(guest)
    assert end == PageFault(CODE + CODE_SIZE, FAULT_USER | FAULT_FETCH)
    assert count == 0
    assert guest.core.state.rip == CODE + CODE_SIZE - 2


def test_only_plain_64_bit_code_is_looked_up_and_each_page_once(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(code_store.VARIABLE, str(tmp_path))
    hot_code.start(guest, "jmp 1f\n1: jmp 2f\n2: syscall")
    hot_code.run(guest)
    assert STORE.asked.load() == 0
    code_store.open_store()
    guest.put_code(0, assemble("jmp 1f\n1: jmp 2f\n2: syscall"))
    hot_code.point(guest)
    hot_code.run(guest)
    assert STORE.asked.load() == 1
    assert len({block.rip for block in code_cache.published()}) == 3
    guest.put_code(0, b"\x90")
    guest.core.state.mode = MODE_NO_FPU
    guest.core.flush_tlb()
    hot_code.point(guest)
    hot_code.run(guest)
    assert bits() == FRAME_CODE_BITS
    assert STORE.asked.load() == 1
