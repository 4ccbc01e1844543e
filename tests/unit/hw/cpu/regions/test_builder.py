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


#: Each is one iteration; rsi and rdi begin near the end of the data's first page.
STRINGS = {
    "copy upwards": "mov ecx, 37\n rep movsb\n sub rsi, 36\n sub rdi, 37",
    "copy downwards": "mov ecx, 29\n std\n rep movsd\n cld\n add rsi, 116\n add rdi, 116",
    "fill": "mov ecx, 300\n mov rax, r8\n rep stosq\n sub rdi, 2400",
    "load": "mov ecx, 5\n rep lodsw\n sub rsi, 10\n add rbx, rax",
    "search": "mov ecx, 90\n mov al, 0x5a\n repne scasb\n setz dl\n lea rdi, [rdi + rcx - 90]",
    "compare": "mov ecx, 40\n repe cmpsb\n setb dl\n sub rsi, 40\n add rsi, rcx\n sub rdi, 40\n"
    " add rdi, rcx",
    "one": "movsb\n cmpsw\n stosb\n sub rsi, 2\n sub rdi, 3",
    "nothing": "mov ecx, 0\n rep movsq\n repe cmpsb\n adc rbx, 0",
}  # fmt: skip


@pytest.mark.parametrize("name", STRINGS)
def test_strings_are_done_inside(guest: Guest, name: str) -> None:
    text = f"again: {STRINGS[name]}\n add r8, rcx\n inc r8\n dec r9d\n jnz again\n syscall"
    start = {
        "rax": 0, "rbx": 0, "rcx": 0, "rdx": 0, "r8": 0, "r9": 4000,
        "rsi": DATA + 0xFE0, "rdi": DATA + 0xFF0,
    }  # fmt: skip
    before = bytes(range(256)) * (DATA_SIZE // 256)
    guest.put_data(before)
    hot_code.start(guest, text)
    expected = end_of(guest, **start), guest.data()
    assert expected[0][0] == Syscall()
    guest.put_data(before)
    hot_code.point(guest, **start)
    assert hot_code.make_region(guest).shape.blocks[0].is_whole
    guest.put_data(before)
    assert (end_of(guest, **start), guest.data()) == expected


def test_a_string_that_faults_shows_how_far_it_came(guest: Guest) -> None:
    text = "again: mov ecx, 7\n rep stosb\n add rbx, rdi\n jmp again"
    start = {"rax": 3, "rbx": 0, "rdi": DATA}
    hot_code.start(guest, text, **start)
    expected = end_of(guest, **start)
    assert expected[0] == PageFault(DATA + DATA_SIZE, 6)
    for _ in range(8):
        hot_code.point(guest, **start)
        guest.core.run()
    hot_code.point(guest, **start)
    hot_code.make_region(guest)
    assert end_of(guest, **start) == expected


@pytest.mark.parametrize("offset", [0, 3])
def test_locked_instructions_are_done_inside(guest: Guest, offset: int) -> None:
    text = """
 again: lock add [rdi], rbx
 lock xadd [rdi], ebx
 mov eax, [rdi + 8]
 lock cmpxchg [rdi + 8], ecx
 xchg [rdi + 16], rbx
 lock btc dword ptr [rdi + 8], 5
 adc r8, 0
 dec ecx
 jnz again
 syscall
"""
    start = {"rax": 0, "rbx": 77, "rcx": 5000 if offset == 0 else 300, "r8": 0,
             "rdi": DATA + 64 + offset}  # fmt: skip
    guest.put_data(bytes(DATA_SIZE))
    hot_code.start(guest, text, **(start | {"rcx": 5000, "rdi": DATA + 64}))
    assert hot_code.make_region(guest).shape.blocks[0].is_whole
    after = []
    for text_again in (text, text + " nop"):  # new code has no region
        if text_again != text:
            hot_code.start(guest, text_again)
        guest.put_data(bytes(DATA_SIZE))
        after.append((end_of(guest, **start), guest.data()))
    assert after[0] == after[1]
