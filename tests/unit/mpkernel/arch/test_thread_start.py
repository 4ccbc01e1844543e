"""The registers of a program that begins, and of a child."""

import ctypes

from mpkernel.arch import context, thread_start
from mpkernel.arch.context import registers
from tests.support.kernel import kernel


def test_a_program_begins_with_clear_registers():
    with kernel():
        state = registers()
        state.rax, state.rbx, state.xmm[31] = 1, 2, 3
        thread_start.reset_user(0x400000, 0x7000)
        assert (state.rip, state.rsp, state.rax, state.rbx, state.xmm[31]) == (
            0x400000, 0x7000, 0, 0, 0,
        )  # fmt: skip
        assert (state.rflags, state.mxcsr, state.fpu_control) == (0x202, 0x1F80, 0x37F)


def test_a_child_begins_with_its_parents_registers_but_what_it_brings():
    with kernel():
        state = registers()
        state.rax, state.rbx, state.rsp, state.fs_base, state.rip = 56, 7, 0x7000, 0x1000, 0x400000
        areas = [ctypes.create_string_buffer(context.SIZE) for _ in range(2)]
        thread_start.save_child(ctypes.addressof(areas[0]), stack=0, thread_pointer=None)
        thread_start.save_child(ctypes.addressof(areas[1]), stack=0x9000, thread_pointer=0)
        assert (state.rax, state.rsp, state.fs_base) == (56, 0x7000, 0x1000), "the parent's stay"
        seen = []
        for area in areas:
            context.load(ctypes.addressof(area))
            assert context.instruction_pointer() == 0x400000
            seen.append((state.rax, state.rbx, state.rsp, state.fs_base))
        assert seen == [(0, 7, 0x7000, 0x1000), (0, 7, 0x9000, 0)]
