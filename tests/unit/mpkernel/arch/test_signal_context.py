"""Registers in a handler's frame: all come back, privileged flags do not."""

import pytest

from mpkernel.abi.signal import REGISTER_NAMES, FloatState, SignalFrame, UserContext
from mpkernel.arch import signal_context
from mpkernel.arch.context import registers
from tests.support.kernel import kernel

FLAG_CF, FLAG_TF, FLAG_IF, FLAG_DF, IOPL = 1, 1 << 8, 1 << 9, 1 << 10, 3 << 12


@pytest.mark.parametrize("end", range(0x7FF0, 0x8031, 8))
def test_places_are_aligned_and_apart(end: int):
    frame_at, float_at = signal_context.places(end)
    assert frame_at % 16 == 8, "as after a call"
    assert float_at % 64 == 0
    assert frame_at + SignalFrame.SIZE <= float_at
    assert float_at + FloatState.SIZE <= end < float_at + FloatState.SIZE + 64


def test_there_and_back():
    with kernel():
        state = registers()
        for number, name in enumerate(REGISTER_NAMES, start=1):
            setattr(state, name, number << 50 | number)
        state.rflags = 2 | FLAG_IF | FLAG_DF | FLAG_CF
        before = {name: getattr(state, name) for name in REGISTER_NAMES}
        user = UserContext()
        signal_context.save(user, 0x7000)
        assert user.registers.fpstate == 0x7000
        signal_context.begin_handler(0x40_1000, 11, 0x6008)
        assert (state.rip, state.rsp, state.rdi) == (0x40_1000, 0x6008, 11)
        assert state.rsi == 0x6008 + SignalFrame.info.offset
        assert state.rdx == 0x6008 + SignalFrame.context.offset
        assert state.rflags & (FLAG_DF | FLAG_TF) == 0
        assert signal_context.restore(user) == before["rax"]
        assert {name: getattr(state, name) for name in REGISTER_NAMES} == before
        assert state.rflags == 2 | FLAG_IF | FLAG_DF | FLAG_CF


def test_a_forged_context_gains_no_privilege():
    with kernel():
        user = UserContext()
        user.registers.rflags = IOPL | FLAG_CF
        user.registers.rax = (1 << 64) - 4
        registers().rflags = 2 | FLAG_IF
        assert signal_context.restore(user) == -4
        assert registers().rflags == 2 | FLAG_IF | FLAG_CF


def test_the_red_zone_is_kept():
    with kernel():
        registers().rsp = 0x7000
        assert signal_context.free_stack_end() == 0x7000 - 128
        assert signal_context.frame_of_return() == 0x7000 - 8
