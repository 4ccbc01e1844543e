"""String instructions in Python against the native ones' flags, and their restart at a fault."""

import random

import pytest

from hw import ram
from hw.cpu import flags, string_instructions
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import RFLAGS_STATUS
from tests.unit.hw.cpu.test_system_instructions import execute


def test_compare_flags_are_those_of_cmp(vector_core: VectorCore) -> None:
    rng = random.Random(5)
    state = vector_core.state
    for size in (1, 2, 4):
        for _ in range(300):
            left, right = rng.getrandbits(8 * size), rng.getrandbits(8 * size)
            left = right if rng.random() < 0.1 else left
            string_instructions.set_compare_flags(vector_core, left, right, size)
            ours = state.rflags & RFLAGS_STATUS
            flags.set_compare(state, left, right, 8 * size)
            flags.make_ready(state)
            assert ours == state.rflags & RFLAGS_STATUS


def test_a_fault_in_the_middle_is_restartable(protected: VectorCore) -> None:
    state = protected.state
    state.es_limit = 0x2003
    state.rdi, state.rcx, state.rax = 0x2000, 8, 0x55
    with pytest.raises(CpuFault, match="vector 13"):
        execute(protected, "f3aa")
    assert (state.rdi, state.rcx, state.rip) == (0x2004, 4, 0x1000)
    assert ram.read(0x2000, 5) == b"UUUU\0"


def test_ports(protected: VectorCore) -> None:
    state = protected.state
    state.rdi, state.rcx, state.rdx = 0x2000, 2, 0x60
    execute(protected, "f366"[0:2] + "6c")
    assert ram.read(0x2000, 3) == b"\xff\xff\0"
