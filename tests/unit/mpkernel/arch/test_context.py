"""User registers: what is saved comes back, and only that is touched."""

import ctypes
import random

import pytest

from mpkernel.arch import context
from mpkernel.arch.context import USER_END, VECTOR_AT, VECTOR_END, registers
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.panic import KernelPanic
from tests.support.kernel import kernel


def test_save_and_load_carry_all_user_registers_and_nothing_else():
    with kernel():
        at = ctypes.addressof(registers())
        user = random.Random(1).randbytes(VECTOR_END)
        area = ctypes.create_string_buffer(context.SIZE)
        ctypes.memmove(at, user, VECTOR_END)
        context.save(ctypes.addressof(area))
        ctypes.memset(at, 0x5A, VECTOR_END)
        context.load(ctypes.addressof(area))
        now = ctypes.string_at(at, VECTOR_END)
        assert now[:USER_END] == user[:USER_END]
        assert now[VECTOR_AT:] == user[VECTOR_AT:]
        assert set(now[USER_END:VECTOR_AT]) == {0x5A}


def test_without_a_core_there_are_no_registers():
    use_cpu(Cpu(0))
    with pytest.raises(KernelPanic, match="no core"):
        registers()
