"""The registers of a system call: as the ABI has them."""

import random

from mpkernel.arch import system_call
from mpkernel.arch.context import registers
from tests.support.kernel import kernel

ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


def test_number_and_arguments():
    with kernel():
        state = registers()
        make = random.Random(1)
        values = tuple(make.getrandbits(64) for _ in ARGUMENTS)
        for name, value in zip(ARGUMENTS, values, strict=True):
            setattr(state, name, value)
        state.rax = 0xFFFF_FFFF_0000_0027
        assert system_call.number() == 0x27, "Linux looks at 32 bits"
        assert system_call.arguments() == values


def test_a_result_may_be_an_error():
    with kernel():
        for value, word in ((5, 5), (-2, (1 << 64) - 2), ((1 << 64) - 1, (1 << 64) - 1)):
            system_call.set_result(value)
            assert registers().rax == system_call.result() == word


def test_a_call_is_made_again_with_the_same_arguments():
    with kernel():
        state = registers()
        state.rip, state.rdi, state.rax = 0x40_1002, 7, 0
        system_call.repeat(35)
        assert (state.rip, state.rdi, state.rax) == (0x40_1000, 7, 35)
