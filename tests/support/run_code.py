"""Runs a few instructions on random registers: what they leave, against Python's integers."""

import random
from collections.abc import Iterator

from hw.cpu.exits import Syscall
from hw.spec.registers import GPR_NAMES
from tests.differential.guest import Guest
from tests.support import hot_code

#: Never drawn: the stack, and what SYSCALL overwrites.
_KEPT = ("rsp", "rcx", "r11")


def results(
    guest: Guest, text: str, count: int = 40, **fixed: int
) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """Registers and flags before and after ``text``, for random registers."""
    rng = random.Random(text)
    hot_code.start(guest, f"{text}\nsyscall")
    state = guest.core.state
    for _ in range(count):
        before = {
            name: rng.choice((rng.getrandbits(64), rng.getrandbits(6), -rng.getrandbits(6)))
            & (1 << 64) - 1
            for name in GPR_NAMES
            if name not in _KEPT
        }
        before |= {"rflags": 0x202 | rng.getrandbits(1), **fixed}
        hot_code.point(guest, **before)
        assert guest.core.run() == Syscall()
        after = {name: state.gpr[k] for k, name in enumerate(GPR_NAMES)}
        yield before, after | {"rflags": state.rflags}
