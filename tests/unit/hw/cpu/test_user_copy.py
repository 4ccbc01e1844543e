"""User copies: up to the first page that refuses, at any alignment, code noticed."""

import random

from hw import ram
from hw.cpu.exits import Syscall
from hw.cpu.user_copy import FAULT, copy_in, copy_out, is_writable, translate
from hw.spec.paging import PTE_PRESENT, PTE_USER
from tests.differential.assembly import assemble
from tests.differential.guest import CR3, Guest
from tests.differential.host import CODE, DATA, DATA_SIZE


def test_round_trip_at_all_alignments(guest: Guest) -> None:
    rng = random.Random(5)
    model = bytearray(rng.randbytes(DATA_SIZE))
    guest.put_data(bytes(model))
    for _ in range(300):
        start = rng.randrange(DATA_SIZE)
        data = rng.randbytes(rng.randrange(0, min(5000, DATA_SIZE - start) + 1))
        assert copy_out(CR3, DATA + start, data) == len(data)
        model[start : start + len(data)] = data
        at, size = rng.randrange(DATA_SIZE), rng.randrange(5000)
        assert copy_in(CR3, DATA + at, size) == bytes(model[at : at + size])
    assert guest.data() == bytes(model)


def test_stops_at_the_first_fault(guest: Guest) -> None:
    guest.put_data(b"\x11" * DATA_SIZE)
    assert copy_out(CR3, DATA + DATA_SIZE - 5, b"123456789") == 5
    assert copy_in(CR3, DATA + DATA_SIZE - 5, 100) == b"12345"
    assert copy_in(CR3, 0x7000, 10) == b""


def test_read_only_page_refuses_writes(guest: Guest) -> None:
    guest.map(0x7000_0000, 0x90_0000, 4096, PTE_PRESENT | PTE_USER)
    assert copy_out(CR3, 0x7000_0000, b"x") == 0
    assert len(copy_in(CR3, 0x7000_0000, 4096)) == 4096
    assert not is_writable(CR3, 0x7000_0000)
    assert is_writable(CR3, DATA)


def test_kernel_half_and_wrap_are_refused(guest: Guest) -> None:
    assert guest.files
    for address in (1 << 47, 1 << 63, (1 << 64) - 4):
        assert copy_in(CR3, address, 16) == b""
        assert copy_out(CR3, address, b"abc") == 0


def test_translate(guest: Guest) -> None:
    ram.write(translate(CR3, DATA + 0x1234), b"here")
    assert guest.data()[0x1234:0x1238] == b"here"
    assert translate(CR3, 0x5000) == FAULT | 4


def test_copy_over_code_is_noticed(guest: Guest) -> None:
    for value in (3, 4):
        assert copy_out(CR3, CODE, assemble(f"mov eax, {value}\nsyscall")) == 7
        guest.core.state.rip = CODE
        assert guest.core.run() == Syscall()
        assert guest.core.state.rax == value
