"""What run() promises: exits, exact state, interrupts, changing code, everybody standing still."""

import os
import signal
import time

import pytest

from hw import ram
from hw.cpu import code_cache
from hw.cpu.core import Core
from hw.cpu.exits import CpuException, IllegalInstruction, Interrupt, PageFault, Syscall
from hw.cpu.run_loop import CHUNK
from hw.cpu.state import CORES
from hw.cpu.threaded import load
from hw.ram import PENDING, PENDING_INTERRUPT
from hw.spec.paging import (
    FAULT_FETCH,
    FAULT_PRESENT,
    FAULT_USER,
    FAULT_WRITE,
    PTE_LARGE,
    PTE_NO_EXECUTE,
    PTE_PRESENT,
    PTE_USER,
    PTE_WRITABLE,
)
from tests.differential.assembly import assemble
from tests.differential.guest import CR3, Guest
from tests.differential.host import CODE, DATA, DATA_SIZE


def start(guest: Guest, text: str, at: int = 0) -> Core:
    """Put code at an offset and point the core at it."""
    guest.put_code(at, assemble(text))
    state = guest.core.state
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE + at, DATA + 0x800, 0x202, 0
    return guest.core


def test_syscall_state(guest: Guest) -> None:
    core = start(guest, "mov eax, 39\nstc\nsyscall")
    assert core.run() == Syscall()
    state = core.state
    assert (state.rax, state.rcx, state.rip) == (39, CODE + 8, CODE + 8)
    assert state.r11 == state.rflags == 0x203
    assert state.instructions == 3


def test_illegal_instruction_is_named(guest: Guest) -> None:
    core = start(guest, "nop\nvaddpd ymm0, ymm1, ymm2")
    assert core.run() == IllegalInstruction("vaddpd ymm0, ymm1, ymm2", CODE + 1)
    assert core.state.rip == CODE + 1
    assert core.state.instructions == 1


@pytest.mark.feature("D6")
def test_page_fault_codes(guest: Guest) -> None:
    core = start(guest, "mov rax, [rdi]\nmov [rdi], rax\njmp rdi")
    state = core.state
    state.rdi = 0x7000_0000
    assert core.run() == PageFault(0x7000_0000, FAULT_USER)
    state.rip = CODE + 3
    assert core.run() == PageFault(0x7000_0000, FAULT_USER | FAULT_WRITE)
    state.rip = CODE + 6
    assert core.run() == PageFault(0x7000_0000, FAULT_USER | FAULT_FETCH)
    assert state.rip == 0x7000_0000
    guest.map(0x7000_0000, 0x90_0000, 4096, PTE_PRESENT | PTE_USER | PTE_NO_EXECUTE)
    core.flush_tlb()
    state.rip = CODE
    assert core.run() == PageFault(0x7000_0000, FAULT_USER | FAULT_WRITE | FAULT_PRESENT)
    assert state.rip == CODE + 3
    state.rip = CODE + 6
    assert core.run() == PageFault(0x7000_0000, FAULT_USER | FAULT_FETCH | FAULT_PRESENT)


@pytest.mark.feature("D6")
@pytest.mark.parametrize("refused", range(16))
def test_user_accesses_by_entry_with_and_without_a_filled_tlb(guest: Guest, refused: int) -> None:
    """Read, write and fetch one after the other, so that later ones find what earlier ones left."""
    present, writable, user, executable = (not refused >> n & 1 for n in range(4))
    bits = PTE_PRESENT * present | PTE_WRITABLE * writable | PTE_USER * user
    guest.map(0x7000_0000, 0x90_0000, 4096, bits | PTE_NO_EXECUTE * (not executable))
    ram.write(0x90_0000, assemble("syscall") + bytes(6))
    accesses = {
        "mov rax, [rdi]\nsyscall": (0, True),
        "mov [rdi], rax\nsyscall": (FAULT_WRITE, writable),
        "jmp rdi": (FAULT_FETCH, executable),
    }
    guest.core.flush_tlb()
    for round_ in range(2):
        for number, (text, (code, allowed)) in enumerate(accesses.items()):
            core = start(guest, text, 0x100 * number)
            core.state.rdi = 0x7000_0000
            core.state.rax = int.from_bytes(ram.read(0x90_0000, 8), "little")
            if present and user and allowed:
                assert core.run() == Syscall(), (text, round_)
            else:
                error = code | FAULT_USER | FAULT_PRESENT * present
                assert core.run() == PageFault(0x7000_0000, error), (text, round_)


def test_supervisor_page_refuses_user(guest: Guest) -> None:
    guest.map(0x7000_0000, 0x90_0000, 4096, PTE_PRESENT)
    core = start(guest, "mov rax, [rdi]")
    core.state.rdi = 0x7000_0010
    assert core.run() == PageFault(0x7000_0010, FAULT_USER | FAULT_PRESENT)


def test_non_canonical_address_is_general_protection(guest: Guest) -> None:
    core = start(guest, "mov rax, [rdi]\njmp rdi")
    core.state.rdi = 1 << 60
    assert core.run() == CpuException(13, 0)
    core.state.rip = CODE + 3
    assert core.run() == CpuException(13, 0)


def test_store_across_pages_writes_nothing_before_a_fault(guest: Guest) -> None:
    guest.put_data(bytes(DATA_SIZE))
    core = start(guest, "mov rax, -1\nmov [rdi], rax")
    core.state.rdi = DATA + DATA_SIZE - 3
    assert core.run() == PageFault(DATA + DATA_SIZE, FAULT_USER | FAULT_WRITE)
    assert guest.data() == bytes(DATA_SIZE)


def test_count_is_exact_at_a_fault_inside_a_block(guest: Guest) -> None:
    core = start(guest, "add eax, 1\nadd eax, 2\nmov ecx, [0x7000]\nadd eax, 4")
    core.state.rax = 0
    assert core.run() == PageFault(0x7000, FAULT_USER)
    assert (core.state.instructions, core.state.rax) == (2, 3)


def test_flags_that_later_die_are_right_at_a_fault_between(guest: Guest) -> None:
    core = start(guest, "cmp eax, eax\nmov ecx, [0x7000]\nor eax, -1")
    assert core.run() == PageFault(0x7000, FAULT_USER)
    assert core.state.rflags & 0x8D5 == 0x44


def test_pending_word_interrupts_a_loop(guest: Guest) -> None:
    core = start(guest, "1: inc rax\njmp 1b")
    PENDING[0].bits.or_(PENDING_INTERRUPT)
    assert core.run() == Interrupt()
    assert core.state.instructions <= CHUNK
    PENDING[0].bits.store(0)


def test_deadline_interrupts_a_loop(guest: Guest) -> None:
    core = start(guest, "1: inc rax\njmp 1b")
    state = core.state
    state.deadline_tsc = 0
    assert core.run() == Interrupt()
    before = time.monotonic()
    guest.put_code(0x100, assemble("rdtsc\nsyscall"))
    state.deadline_tsc, state.rip = (1 << 64) - 1, CODE + 0x100
    core.run()
    now = state.rax | state.rdx << 32
    state.rip, state.deadline_tsc = CODE, now + 20_000_000
    assert core.run() == Interrupt()
    assert 0.001 < time.monotonic() - before < 1.0


def test_interrupted_rep_resumes(guest: Guest) -> None:
    guest.map(0x6000_0000, 0x100_0000 + (4 << 20), 8 << 20)
    core = start(guest, "cld\nrep stosb\nsyscall")
    state = core.state
    state.rdi, state.rcx, state.rax = 0x6000_0001, (8 << 20) - 1, 0x5A
    state.deadline_tsc = 0
    assert core.run() == Interrupt()
    state.deadline_tsc = (1 << 64) - 1
    assert core.run() == Syscall()
    assert state.rdi == 0x6080_0000
    assert state.instructions == 3
    assert ram.read(0x100_0000 + (4 << 20), 4) == b"\0\x5a\x5a\x5a"
    assert ram.read(0x100_0000 + (12 << 20) - 2, 2) == b"\x5a\x5a"


def test_rep_fault_keeps_progress(guest: Guest) -> None:
    core = start(guest, "rep stosb")
    state = core.state
    state.rdi, state.rcx = DATA + DATA_SIZE - 10, 100
    assert core.run() == PageFault(DATA + DATA_SIZE, FAULT_USER | FAULT_WRITE)
    assert (state.rcx, state.rdi, state.rip) == (90, DATA + DATA_SIZE, CODE)


@pytest.mark.parametrize("cut", range(1, 7))
def test_instruction_across_pages(guest: Guest, cut: int) -> None:
    at = 0x1000 - cut
    core = start(
        guest, "1: mov rax, 0x11223344556677\nadd ebx, 1\ncmp ebx, 1000\njne 1b\nsyscall", at
    )
    core.state.rbx = 0
    assert core.run() == Syscall()
    assert (core.state.rax, core.state.rbx) == (0x11223344556677, 1000)


def test_instruction_across_pages_faults_on_the_second(guest: Guest) -> None:
    last = 0x40_0000 - 3
    core = start(guest, "nop", 0)
    guest.put_code(last, assemble("mov rax, 0x11223344556677")[:3])
    core.state.rip = CODE + last
    assert core.run() == PageFault(CODE + 0x40_0000, FAULT_USER | FAULT_FETCH)
    assert core.state.rip == CODE + last


def test_second_page_of_a_straddling_instruction_may_change(guest: Guest) -> None:
    at = 0x1000 - 2
    core = start(guest, "mov eax, 0x11111111\nsyscall", at)
    for value in (0x1111_1111, 0x2222_2222):
        guest.put_code(0x1000 - 2, assemble(f"mov eax, {value}\nsyscall"))
        core.state.rip = CODE + at
        assert core.run() == Syscall()
        assert core.state.rax == value


def test_code_written_by_the_kernel_is_seen(guest: Guest) -> None:
    for value in (1, 2, 3):
        core = start(guest, f"mov eax, {value}\nsyscall")
        assert core.run() == Syscall()
        assert core.state.rax == value


def test_self_modifying_code_next_instruction(guest: Guest) -> None:
    core = start(
        guest,
        "mov dword ptr [rip + 2f + 1], 77\n2: mov eax, 5\nmov ecx, 1000\n"
        "3: add dword ptr [rip + 4f + 1], 1\n4: mov ebx, 0\ndec ecx\njne 3b\nsyscall",
    )
    assert core.run() == Syscall()
    assert (core.state.rax, core.state.rbx) == (77, 1000)


def test_code_copied_by_the_program_and_run(guest: Guest) -> None:
    core = start(
        guest,
        "lea rsi, [rip + 2f]\nmov rdi, 0x20001000\nmov ecx, 6\nrep movsb\nmov rdi, 0x20001000\n"
        "call rdi\nmov byte ptr [rdi + 1], 9\ncall rdi\nadd edx, eax\nsyscall\n2: mov eax, 4\nret",
    )
    core.state.rdx = 0
    assert core.run() == Syscall()
    assert core.state.rax == 9


def test_unaligned_and_split_locks(guest: Guest) -> None:
    guest.put_data(bytes(DATA_SIZE))
    core = start(guest, "lock add qword ptr [rdi], 1\nlock xadd [rdi], rax\nsyscall")
    for address in (DATA + 0x803, DATA + 0x83D, DATA + 0xFFD):
        core.state.rip, core.state.rdi, core.state.rax = CODE, address, 5
        assert core.run() == Syscall()
        assert core.state.rax == 1
        offset = address - DATA
        assert int.from_bytes(guest.data()[offset : offset + 8], "little") == 6


def test_arena_is_emptied_when_full(guest: Guest) -> None:
    core = start(guest, "mov eax, 1\nsyscall")
    assert core.run() == Syscall()
    code_cache.HEADER.used.store(code_cache.ARENA_SIZE - 64)
    core = start(guest, "mov eax, 2\nsyscall\nmov eax, 3\nsyscall", 0x100)
    assert core.run() == Syscall()
    assert core.state.rax == 2
    assert core.run() == Syscall()
    assert core.state.rax == 3
    assert code_cache.HEADER.epoch.load() == 1
    assert code_cache.HEADER.used.load() < 4096


def test_cpuid_claims(guest: Guest) -> None:
    core = start(guest, "xor eax, eax\ncpuid\nmov esi, ecx\nsyscall")
    assert core.run() == Syscall()
    state = core.state
    text = b"".join(r.to_bytes(4, "little") for r in (state.rbx, state.rdx, state.rsi))
    assert text == b"AuthenticAMD"
    assert state.instructions == 4


def _child(work: object) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(30)
            assert callable(work)
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def _join(pids: list[int]) -> None:
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0


def _other_core(index: int, rip: int, stack: int) -> Core:
    core = Core(index)
    core.set_address_space(CR3)
    core.state.rip, core.state.rsp = rip, stack
    return core


@pytest.mark.parametrize("address", [DATA + 0x100, DATA + 0x13D, DATA + 0xFFD])
def test_lock_add_from_two_cores_loses_nothing(guest: Guest, address: int) -> None:
    guest.put_data(bytes(DATA_SIZE))
    turns = 20_000 if address % 8 == 0 else 300
    start(guest, f"mov ecx, {turns}\n1: lock inc dword ptr [rdi]\ndec ecx\njne 1b\nsyscall")

    def work(index: int) -> None:
        core = _other_core(index, CODE, DATA + 0x800 - 64 * index)
        core.state.rdi = address
        assert core.run() == Syscall()

    _join([_child(lambda k=k: work(k)) for k in (1, 2)])
    offset = address - DATA
    assert int.from_bytes(guest.data()[offset : offset + 4], "little") == 2 * turns


@pytest.mark.parametrize("address", [DATA + 0x100, DATA + 0x13D, DATA + 0xFFD])
def test_exchanges_by_two_cores_keep_every_value(guest: Guest, address: int) -> None:
    """Three values go round; one that is lost, doubled or torn would be missed at the end."""
    values = [0x1111_1111, 0x2222_2222, 0x3333_3333]
    data = bytearray(DATA_SIZE)
    offset = address - DATA
    data[offset : offset + 4] = values[0].to_bytes(4, "little")
    guest.put_data(bytes(data))
    turns = 20_000 if address % 8 == 0 else 300
    start(guest, f"mov ecx, {turns}\n1: xchg [rdi], eax\ndec ecx\njne 1b\nmov [rsi], eax\nsyscall")

    def work(index: int) -> None:
        state = (core := _other_core(index, CODE, DATA + 0x800 - 64 * index)).state
        state.rdi, state.rsi, state.rax = address, DATA + 8 * index, values[index]
        assert core.run() == Syscall()

    _join([_child(lambda k=k: work(k)) for k in (1, 2)])
    found = [guest.data()[at : at + 4] for at in (offset, 8, 16)]
    assert sorted(int.from_bytes(one, "little") for one in found) == values


def test_code_modified_by_another_core_is_seen(guest: Guest) -> None:
    guest.put_data(bytes(DATA_SIZE))
    guest.put_code(
        0, assemble("1: call 2f\ncmp eax, 7\njne 1b\nsyscall\n.p2align 8\n2: mov eax, 1\nret")
    )
    guest.put_code(0x2000, assemble("mov dword ptr [rdi], 7\nsyscall"))

    def spin() -> None:
        assert _other_core(1, CODE, DATA + 0x400).run() == Syscall()

    def write() -> None:
        time.sleep(0.1)
        core = _other_core(2, CODE + 0x2000, DATA + 0x800)
        core.state.rdi = CODE + 0x101
        assert core.run() == Syscall()

    _join([_child(spin), _child(write)])


def test_code_written_with_a_write_tag_before_its_first_decode(guest: Guest) -> None:
    """A core that holds a write tag on a page must lose it when another decodes the page."""
    guest.put_data(assemble("mov eax, 1\nret") + bytes(DATA_SIZE - 6))
    guest.put_code(
        0, assemble("1: mov dword ptr [rdi], 1\nmov eax, [rsi]\ntest eax, eax\nje 1b\n"
                    "mov dword ptr [rdi], 7\n2: pause\njmp 2b")
    )  # fmt: skip
    guest.put_code(
        0x1000, assemble("3: call rbx\nmov dword ptr [rsi], 1\ncmp eax, 7\njne 3b\nsyscall")
    )

    def store() -> None:
        core = _other_core(1, CODE, DATA + 0x1400)
        core.state.rdi, core.state.rsi = DATA + 1, DATA + 0x1000
        core.run()

    def execute() -> None:
        time.sleep(0.1)
        core = _other_core(2, CODE + 0x1000, DATA + 0x1800)
        core.state.rbx, core.state.rsi = DATA, DATA + 0x1000
        assert core.run() == Syscall()
        PENDING[1].bits.or_(PENDING_INTERRUPT)

    _join([_child(store), _child(execute)])


def test_flush_page_forgets_code_and_data(guest: Guest) -> None:
    guest.map(0x6000_0000, 0x200_0000, 4096)
    guest.map(0x6000_1000, 0x200_1000, 4096)
    ram.write(0x200_0000, assemble("mov eax, 1\nsyscall"))
    ram.write(0x200_1000, assemble("mov eax, 2\nsyscall"))
    core = start(guest, "nop")
    core.state.rip = 0x6000_0000
    core.run()
    assert core.state.rax == 1
    guest.map(0x6000_0000, 0x200_1000, 4096)
    core.flush_page(0x6000_0000)
    core.state.rip = 0x6000_0000
    core.run()
    assert core.state.rax == 2
    assert load() is load()
    assert CORES[0].running == 0


def test_trap_flag_traces_each_instruction(guest: Guest) -> None:
    core = start(guest, "pushf\nor dword ptr [rsp], 0x100\npopf\ninc eax\ninc eax\nsyscall")
    state = core.state
    state.rax = 0
    assert core.run() == CpuException(1, 0)
    assert (state.rax, state.rip, state.instructions) == (1, CODE + 11, 4)
    assert core.run() == CpuException(1, 0)
    assert state.rax == 2
    state.rflags &= ~0x100
    assert core.run() == Syscall()


def test_flush_page_forgets_all_parts_of_a_large_page(guest: Guest) -> None:
    guest.map(0x5000_0000, 0x200_0000, 4096)
    directory = ram.words(CR3, 512)[0] & ~0xFFF
    directory = ram.words(directory, 512)[0x5000_0000 >> 30] & ~0xFFF
    entry = 0x5000_0000 >> 21 & 511
    core = start(guest, "mov rax, [rdi]\nmov rbx, [rsi]\nsyscall")
    state = core.state
    state.rdi, state.rsi = 0x5000_0000, 0x5000_7000
    for frame, value in ((0x200_0000, 1), (0x240_0000, 2)):
        ram.words(frame, 1)[0] = ram.words(frame + 0x7000, 1)[0] = value
        ram.words(directory, 512)[entry] = frame | PTE_PRESENT | PTE_USER | PTE_LARGE
        core.flush_page(0x5000_0000)
        state.rip = CODE
        assert core.run() == Syscall()
        assert (state.rax, state.rbx) == (value, value)
