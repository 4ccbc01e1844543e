"""The per-CPU area at every instruction of a system call: an NMI between any two finds it.

Ring 3 makes a SYSCALL; the kernel swaps GS, switches stacks, reads its CPU id, and returns. An NMI
whose handler decides by the GS base it meets is sent before each instruction in turn.
"""

import ctypes
from collections.abc import Iterator

import pytest
from iced_x86 import Mnemonic

from hw import ram
from hw.cpu.exits import Halted
from hw.cpu.vector_core import VectorCore
from hw.irq import apic_state, delivery
from hw.spec.apic import DELIVERY_NMI
from hw.spec.memory_map import MIB
from tests.bare.rules import user
from tests.support import bare_kernel
from tests.support.bare_kernel import FIRMWARE, PAGE, BarePorts

#: Per-CPU area: id, user rsp, kernel rsp; what the NMI handler saw.
AREA = 0x2C000
SEEN = 0x2C800
CPU_ID = 0x77
_BASE = 4096

_CASE = f"""
    mov dword ptr [{AREA}], {CPU_ID}
    mov dword ptr [{AREA + 16}], 0x2b800
    mov dword ptr [{SEEN}], 0
    mov ecx, 0xc0000101
    mov eax, 0x1234
    xor edx, edx
    wrmsr
    inc ecx
    mov eax, {AREA}
    wrmsr
    lea rax, [rip + entry]
    mov ecx, 0xc0000082
    wrmsr
    lea rax, [rip + nmi]
    mov [idt + 2 * 16], ax
    mov byte ptr [idt + 2 * 16 + 4], 2
    xor eax, eax
    hlt
    {user("mov ebx, 5")}
    syscall
    add eax, ebx
    int 0x80
entry:
    swapgs
    mov gs:[8], rsp
    mov rsp, gs:[16]
    push rcx
    mov rax, gs:[0]
    pop rcx
    mov rsp, gs:[8]
    swapgs
    sysretq
nmi:
    push rax
    push rcx
    push rdx
    mov ecx, 0xc0000101
    rdmsr
    cmp eax, {AREA}
    je 1f
    swapgs
    mov rax, gs:[0]
    swapgs
    jmp 2f
1:  mov rax, gs:[0]
2:  mov [{SEEN}], rax
    pop rdx
    pop rcx
    pop rax
    iretq
"""


@pytest.fixture
def core() -> Iterator[VectorCore]:
    """A core that has come to the HLT before ring 3."""
    files = ram.create(16 * MIB)
    apic_state.reset(0, boot_core=True)
    ram.write(FIRMWARE, bare_kernel.build([_CASE]))
    core = VectorCore(0, BarePorts())
    core.start(FIRMWARE >> 4, 0xFFF0)
    assert core.run() == Halted()
    yield core
    ram.close(files)


@pytest.mark.feature("B4", "FIX-2")
def test_an_nmi_before_each_instruction_sees_the_cpus_area(core: VectorCore) -> None:
    state = core.state
    state.halted = 0
    start = ctypes.string_at(core.at, _BASE)
    levels = []
    while True:
        ctypes.memmove(core.at, start, _BASE)
        core.flush_tlb()
        ram.write(SEEN, bytes(8))
        core.ports.output.clear()
        for _ in levels:
            core._step()
        if core.instruction_at(state.rip).mnemonic == Mnemonic.INT:
            break
        levels.append(state.cpl)
        delivery.deliver(0, DELIVERY_NMI, 0)
        assert core.run() == Halted()
        (record,) = bare_kernel.records(bytes(core.ports.output)).values()
        assert (record.vector, record.rax, record.rsp) == (0x80, CPU_ID + 5, PAGE + 0x2000)
        seen = int.from_bytes(ram.read(SEEN, 8), "little")
        assert seen == CPU_ID, f"after {len(levels)} instructions"
    assert (levels.count(0), levels.count(3)) == (18, 3)
