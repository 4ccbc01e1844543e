"""Names, addresses and positions of handlers."""

from hw.cpu.micro_op import PLACE_BITS, MicroOp
from hw.cpu.semantics.handler import address, position
from hw.cpu.state import CORES
from hw.cpu.threaded import handler_list, numbers


def test_addresses_wrap(guest):
    state = CORES[0]
    state.gpr[1], state.gpr[2], state.zero = 0x1000, (1 << 64) - 1, 0
    op = MicroOp(base=8, index=16, scale=3, disp=0x10)
    assert address(state, op, "m") == 0x1010
    assert address(state, op, "x") == 0x1008
    op.base = 16
    assert address(state, op, "m") == 0xF
    assert guest.core.index == 0


def test_a_position_stands_above_the_place():
    assert position(MicroOp(place=0x7FFF_0000_1234 | 5 << PLACE_BITS)) == 5


def test_names_are_numbers():
    known = numbers()
    assert all(handler_list()[number].name == name for name, number in known.items())
    assert len(known) < 1 << 16
