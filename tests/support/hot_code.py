"""Runs a piece of code often enough for a region to be asked for."""

from hw.cpu.exits import Exit
from hw.cpu.regions.compiler import Compiled, Compiler
from hw.cpu.regions.record import REGIONS, REQUESTS, RING_SLOTS, Request
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA

#: Sums 1 to rcx into rax; its hot block begins at CODE + 3.
SUM = "xor eax, eax\nnop\nagain: add rax, rcx\ndec rcx\njnz again\nsyscall"


def start(guest: Guest, text: str, **registers: int) -> None:
    """Put code at CODE and point the core at it."""
    guest.put_code(0, assemble(text))
    point(guest, **registers)


def point(guest: Guest, **registers: int) -> None:
    """Point the core at CODE."""
    state = guest.core.state
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x202, 0
    for name, value in registers.items():
        setattr(state, name, value)


def run(guest: Guest) -> tuple[Exit, int]:
    """Run; why it ended and how many instructions it took."""
    before = guest.core.state.instructions
    end = guest.core.run()
    return end, guest.core.state.instructions - before


def hot_block(guest: Guest) -> Request:
    """Run what the core is pointed at until a block is asked for; that request."""
    REGIONS.often = 2
    before = REGIONS.asked.load()
    guest.core.run()
    REGIONS.often = 0
    assert REGIONS.asked.load() > before, "nothing was hot"
    return REQUESTS[(REGIONS.asked.load() - 1) % RING_SLOTS]


def make_region(guest: Guest) -> Compiled:
    """Run what the core is pointed at, and compile its hot block."""
    made = Compiler().make(hot_block(guest))
    assert made is not None, "no region"
    return made
