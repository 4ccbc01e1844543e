"""String instructions against Python's bytes, at the ends of pages and in both directions."""

import random

import pytest

from hw.cpu.exits import PageFault, Syscall
from hw.cpu.semantics.string import ITERATIONS
from hw.spec.registers import RFLAGS_ZF
from tests.differential.guest import Guest
from tests.differential.host import DATA, DATA_SIZE
from tests.support import hot_code

_SUFFIX = {1: "b", 2: "w", 4: "d", 8: "q"}


def _moved(data: bytes, source: int, target: int, count: int, size: int, step: int) -> bytes:
    """Memory after MOVS with REP, element by element."""
    memory = bytearray(data)
    for k in range(count):
        here, there = source + k * step, target + k * step
        memory[there : there + size] = memory[here : here + size]
    return bytes(memory)


@pytest.mark.parametrize("direction", ["cld", "std"])
@pytest.mark.parametrize("size", _SUFFIX)
def test_moves(guest: Guest, size: int, direction: str):
    rng = random.Random(size)
    text = f"{direction}\n rep movs{_SUFFIX[size]}\n cld\n syscall"
    hot_code.start(guest, text)
    step = size if direction == "cld" else -size
    for _ in range(60):
        count = rng.choice((0, 1, 7, 40))
        source = 0x1000 + rng.randrange(-350, 350)
        target = source + rng.choice((-size, size, 3, rng.randrange(-200, 200)))
        data = rng.randbytes(DATA_SIZE)
        guest.put_data(data)
        hot_code.point(guest, rcx=count, rsi=DATA + source, rdi=DATA + target)
        assert guest.core.run() == Syscall()
        state = guest.core.state
        assert guest.data() == _moved(data, source, target, count, size, step)
        assert state.rsi == DATA + source + count * step
        assert state.rdi == DATA + target + count * step


@pytest.mark.parametrize("direction", [1, -1])
def test_a_fault_shows_how_far_it_came(guest: Guest, direction: int):
    text = ("cld" if direction == 1 else "std") + "\n rep movsd\n syscall"
    first = DATA + DATA_SIZE - 12 if direction == 1 else DATA + 8
    hot_code.start(guest, text, rcx=10, rsi=DATA + 0x800, rdi=first)
    fault = DATA + DATA_SIZE if direction == 1 else DATA - 4
    assert guest.core.run() == PageFault(fault, 6)
    state = guest.core.state
    assert (state.rcx, state.rdi) == (7, fault)
    assert state.rsi == DATA + 0x800 + 12 * direction
    assert state.rip == hot_code.CODE + 1


@pytest.mark.parametrize("size", _SUFFIX)
def test_fills(guest: Guest, size: int):
    guest.put_data(bytes(DATA_SIZE))
    text = f"rep stos{_SUFFIX[size]}\n syscall"
    hot_code.start(guest, text, rax=0x1122334455667788, rcx=100, rdi=DATA + 0xF01)
    assert guest.core.run() == Syscall()
    element = (0x1122334455667788).to_bytes(8, "little")[:size]
    assert guest.data()[0xF01 : 0xF01 + 100 * size + 1] == element * 100 + b"\0"


def test_searches(guest: Guest):
    guest.put_data(bytes(0xFF0) + b"here is a needle!" + bytes(0x800))
    hot_code.start(guest, "repne scasb\n syscall", rax=ord("!"), rcx=4096, rdi=DATA + 0xF00)
    guest.core.run()
    assert guest.core.state.rdi == DATA + 0x1001
    hot_code.start(guest, "repe scasb\n setz dl\n syscall", rax=0, rcx=16, rdi=DATA, rdx=0)
    guest.core.run()
    assert (guest.core.state.rdi, guest.core.state.rdx) == (DATA + 16, 1)


def test_comparisons(guest: Guest):
    guest.put_data(b"same until here" + bytes(17) + b"same until there")
    hot_code.start(guest, "repe cmpsb\n syscall", rcx=16, rsi=DATA, rdi=DATA + 32)
    guest.core.run()
    state = guest.core.state
    assert state.rsi == DATA + 12
    assert not state.rflags & RFLAGS_ZF


def test_a_count_of_zero_changes_nothing(guest: Guest):
    hot_code.start(guest, "cmp rax, rax\n repe cmpsb\n syscall", rcx=0, rsi=1, rdi=2)
    assert guest.core.run() == Syscall()
    assert guest.core.state.rflags & RFLAGS_ZF
    assert (guest.core.state.rsi, guest.core.state.rdi) == (1, 2)


def test_however_long_it_is_one_instruction(guest: Guest):
    text = "mov rsi, rdi\n rep lodsb\n syscall"
    guest.put_data(bytes(DATA_SIZE))
    hot_code.start(guest, text, rcx=DATA_SIZE, rdi=DATA)
    assert hot_code.run(guest) == (Syscall(), 3)
    text = "again: mov rdi, rbx\n mov ecx, 8192\n rep stosb\n dec edx\n jnz again\n syscall"
    turns = 2 * ITERATIONS // 8192 + 1
    hot_code.start(guest, text, rbx=DATA, rdx=turns)
    assert hot_code.run(guest) == (Syscall(), 5 * turns + 1)
