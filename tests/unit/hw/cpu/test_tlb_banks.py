"""Banks: what a context has met is there when it comes back, unless it became stale."""

import ctypes
from collections.abc import Iterator

import pytest

from hw import ram
from hw.cpu.exits import Syscall
from hw.cpu.state import BANKS, CORES, NO_TAG, TLB_ENTRIES, bank_address
from tests.differential.assembly import assemble
from tests.differential.guest import CR3, Guest

PAGE = 0x6000_0000
FRAMES = (0x200_0000, 0x200_1000)
CODE = 0x7000_0000


@pytest.fixture
def guest() -> Iterator[Guest]:
    """A page that reads as 1 where its translation was kept, as 2 where it is made anew."""
    machine = Guest()
    for value, frame in enumerate(FRAMES, 1):
        ram.words(frame, 1)[0] = value
    machine.map(PAGE, FRAMES[0], 4096)
    machine.map(CODE, 0x300_0000, 4096)
    ram.write(0x300_0000, assemble("mov rax, [rdi]\nsyscall\nmov [rdi], rsi\nsyscall"))
    yield machine
    machine.close()


def run(guest: Guest, place: int = CODE) -> int:
    state = guest.core.state
    state.rdi, state.rip = PAGE, place
    assert guest.core.run() == Syscall()
    value: int = state.rax
    return value


def fill(guest: Guest, context: int) -> None:
    """Read the page in a context, with its translation as it was first."""
    guest.core.set_address_space(CR3, context)
    guest.map(PAGE, FRAMES[0], 4096)
    assert run(guest) == 1
    guest.map(PAGE, FRAMES[1], 4096)


@pytest.mark.feature("D7")
def test_a_context_keeps_its_translations_while_others_run(guest: Guest) -> None:
    fill(guest, 7)
    fill(guest, 7)  # the first time made the decoder known
    guest.core.set_address_space(CR3, 8)
    assert run(guest) == 2
    guest.core.set_address_space(CR3, 7)
    assert run(guest) == 1


def test_without_a_context_all_is_forgotten(guest: Guest) -> None:
    fill(guest, 7)
    fill(guest, 7)
    guest.core.set_address_space(CR3)
    assert run(guest) == 2
    guest.core.set_address_space(CR3, 7)
    assert run(guest) == 2


@pytest.mark.parametrize(("others", "kept"), [(BANKS - 1, 1), (BANKS, 2)])
def test_the_oldest_context_gives_way(guest: Guest, others: int, kept: int) -> None:
    fill(guest, 7)
    fill(guest, 7)
    for context in range(100, 100 + others):
        guest.core.set_address_space(CR3, context)
        assert run(guest) == 2
    guest.core.set_address_space(CR3, 7)
    assert run(guest) == kept


def test_a_renamed_context_is_the_same_and_a_renewed_one_is_empty(guest: Guest) -> None:
    fill(guest, 7)
    fill(guest, 7)
    guest.core.rename_context(9)
    guest.core.set_address_space(CR3, 8)
    guest.core.set_address_space(CR3, 9)
    assert run(guest) == 1
    guest.core.renew_context(10)
    assert run(guest) == 2
    guest.map(PAGE, FRAMES[0], 4096)
    guest.core.set_address_space(CR3, 9)
    assert run(guest) == 1


def test_a_write_tag_that_slept_hides_no_store_to_code(guest: Guest) -> None:
    """Context 7 may write the page unseen; then context 8 runs code from it."""
    texts = [assemble(f"mov eax, {n}\nsyscall").ljust(8, b"\0") for n in (5, 6)]
    code = [int.from_bytes(text, "little") for text in texts]
    guest.core.set_address_space(CR3, 7)
    guest.core.state.rsi = code[0]
    run(guest, CODE + 5)
    guest.core.set_address_space(CR3, 8)
    assert run(guest, PAGE) == 5
    guest.core.set_address_space(CR3, 7)
    guest.core.state.rsi = code[1]
    run(guest, CODE + 5)
    guest.core.set_address_space(CR3, 8)
    assert run(guest, PAGE) == 6


def test_each_bank_is_memory_of_its_own(guest: Guest) -> None:
    places = [bank_address(core, bank) for core in (0, 1) for bank in range(BANKS)]
    assert len(set(places)) == 2 * BANKS
    fill(guest, 7)
    place = bank_address(0, CORES[0].bank)
    words = (ctypes.c_uint64 * (4 * TLB_ENTRIES)).from_address(place)
    assert PAGE in words[::4]
    assert NO_TAG in words[::4]
