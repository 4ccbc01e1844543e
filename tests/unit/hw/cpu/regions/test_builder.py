"""A region leaves the state that threaded code leaves, wherever it is left."""

import pytest

from hw.cpu.exits import CpuException, Exit, PageFault, Syscall
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA, DATA_SIZE
from tests.support import hot_code

#: Walks memory upwards until it faults; carry and zero flag are live at the fault.
WALK = """
again: add al, 3
 mov [rdi], rax
 adc rbx, 0
 add rdi, 8
 jmp again
"""
DIVIDE = """
again: mov eax, 1000
 xor edx, edx
 div ecx
 add rbx, rax
 loop again
 xor edx, edx
 div ecx
 syscall
"""


def end_of(guest: Guest, **registers: int) -> tuple[Exit, int, list[int], int, int]:
    hot_code.point(guest, **registers)
    end, count = hot_code.run(guest)
    state = guest.core.state
    return end, count, list(state.gpr), state.rflags, state.rip


def test_state_is_exact_at_a_page_fault(guest: Guest) -> None:
    hot_code.start(guest, WALK)
    start = {"rax": 200, "rbx": 0, "rdi": DATA}
    expected = end_of(guest, **start)
    assert expected[0] == PageFault(DATA + DATA_SIZE, 6)
    guest.core.run()
    for _ in range(8):
        hot_code.point(guest, **start)
        guest.core.run()
    hot_code.point(guest, **start)
    made = hot_code.make_region(guest)
    assert made.shape.blocks[0].header.rip == CODE
    assert end_of(guest, **start) == expected


def test_state_is_exact_at_a_division_by_zero(guest: Guest) -> None:
    hot_code.start(guest, DIVIDE, rcx=50_000, rbx=0)
    expected = end_of(guest, rcx=50_000, rbx=0)
    assert expected[0] == CpuException(0, 0)
    hot_code.point(guest, rcx=50_000, rbx=0)
    hot_code.make_region(guest)
    assert end_of(guest, rcx=50_000, rbx=0) == expected


@pytest.mark.parametrize("count", [1, 2, 4095, 4096, 4097, 100_000])
def test_instructions_are_counted_exactly(guest: Guest, count: int) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    hot_code.make_region(guest)
    hot_code.point(guest, rcx=count)
    assert hot_code.run(guest) == (Syscall(), 3 * count + 3)
    assert guest.core.state.rax == count * (count + 1) // 2


def test_parts_of_registers_are_kept(guest: Guest) -> None:
    text = """
 xor eax, eax
 again: inc ah
 add al, ah
 mov bx, ax
 movd xmm0, ecx
 pinsrw xmm0, ebx, 3
 movq rdx, xmm0
 xor rsi, rdx
 dec ecx
 jnz again
 syscall
"""
    start = {"rax": 0, "rbx": -1 & (1 << 64) - 1, "rcx": 9000, "rsi": 0}
    hot_code.start(guest, text)
    expected = end_of(guest, **start)
    hot_code.point(guest, **start)
    hot_code.make_region(guest)
    assert end_of(guest, **start) == expected
