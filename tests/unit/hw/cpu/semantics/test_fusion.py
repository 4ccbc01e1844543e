"""A pair's handler leaves what its two handlers leave one after the other."""

import ctypes
import random
from collections.abc import Iterator

import pytest

from hw.cpu.micro_op import PACKED, PACKED_LINKS, PLACE_BITS
from hw.cpu.semantics import fusion
from hw.cpu.semantics.handler import Handler
from hw.cpu.threaded import handler_list, numbers
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA, DATA_SIZE

_STATES = 12
_FIELDS = ("a", "b", "base", "index")
#: Registers that hold addresses; any other may be written.
_BASES = (12 * 8, 13 * 8)
_TARGETS = (CODE + 0x300, CODE + 0x400)


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    machine = Guest()
    yield machine
    machine.close()


def _micro_op(rng: random.Random, at: int, position: int) -> dict[str, int]:
    """Operands that suit any handler: shifts count below 32, most addresses lie in the data."""
    return {
        "a": 8 * rng.randrange(12),
        "b": 8 * rng.randrange(16),
        "base": rng.choice(_BASES),
        "index": 8 * rng.choice((14, 15)),
        "scale": rng.randrange(4),
        "imm": rng.randrange(1, 32),
        "disp": rng.choice((0, 8, 0x20, 0xFF8, 0x10_0000)),
        "place": at | position << PLACE_BITS,
    }


def _block(pair: Handler, rng: random.Random) -> tuple[bytes, bytes]:
    """A block with the pair, and the same with its two handlers."""
    number = numbers()
    assert pair.second is not None
    first, second = _micro_op(rng, CODE, 0), _micro_op(rng, CODE + 4, 1)
    if pair.link:
        second[pair.link] = first["a"]
    end = dict.fromkeys(second, 0) | {"place": CODE + 8 | 1 << PLACE_BITS}
    ops = [(pair.second.name, second), ("jmp", end)]
    tail = b"".join(_packed(number[name], op) for name, op in ops)
    tail += PACKED_LINKS.pack(0, _TARGETS[0], 0, _TARGETS[1])
    if pair.second.name.startswith(("j", "call", "ret")) or "_j" in pair.second.name:
        tail = _packed(number[pair.second.name], second)
        tail += PACKED_LINKS.pack(0, _TARGETS[0], 0, _TARGETS[1])
    alone = pair.name.partition("+")[0]
    return _packed(number[pair.name], first) + tail, _packed(number[alone], first) + tail


def _packed(number: int, op: dict[str, int]) -> bytes:
    fields = (*(op[name] for name in _FIELDS), op["scale"], 0, op["imm"], op["disp"], op["place"])
    return PACKED.pack(number, *fields)


def _run(guest: Guest, block: bytes, seed: int) -> tuple[object, ...]:
    """All that a block leaves of a random state."""
    rng = random.Random(seed)
    state = guest.core.state
    data = rng.randbytes(DATA_SIZE)
    guest.put_data(data)
    state.gpr[:] = [rng.choice((rng.getrandbits(64), rng.getrandbits(8))) for _ in range(16)]
    state.gpr[12], state.gpr[13] = DATA + rng.randrange(0x1800), DATA + 0x1000 - rng.randrange(9)
    state.gpr[14], state.gpr[15] = rng.randrange(64), 0
    state.rsp = DATA + 8 * rng.randrange(1, 0x300)
    state.rflags, state.flag_kind, state.rip, state.cr2 = 0x202 | rng.getrandbits(8) & 0xD5, 0, 0, 0
    state.flag_a = state.flag_b = 0
    before = state.instructions
    buffer = ctypes.create_string_buffer(block, len(block))
    reason = guest.core.native.run_block(guest.core.at, ctypes.addressof(buffer))
    count = state.instructions - before
    rest = (state.rflags, state.rip, state.cr2 if reason else 0, count)
    return reason, list(state.gpr), rest, guest.data()


@pytest.mark.parametrize("pair", tuple(fusion.handlers()), ids=lambda pair: pair.name)
def test_a_pair_does_what_its_two_do(guest: Guest, pair: Handler) -> None:
    for seed in range(_STATES):
        together, apart = _block(pair, random.Random(seed))
        assert _run(guest, together, seed) == _run(guest, apart, seed)


def test_faults_of_the_second_are_among_the_states(guest: Guest) -> None:
    pair = next(one for one in fusion.handlers() if one.name == "mov64_rr+mov64_rm")
    found = {_run(guest, _block(pair, random.Random(seed))[0], seed)[0] for seed in range(_STATES)}
    assert len(found) > 1, "either all fault or none"


def test_a_pair_shows_its_first_to_who_looks_at_one_micro_op() -> None:
    plain = {handler.name: handler for handler in handler_list()}
    for pair in fusion.handlers():
        first = plain[pair.name.partition("+")[0]]
        assert (pair.form, pair.constants) == (first.form, first.constants)
