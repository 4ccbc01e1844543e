"""A bare image for two cores and more: all come up from real mode, each with tables of its own.

    python -m tests.support.bare_smp CORES SCENARIO [APIC IDS]

The scenarios are those of tests.support.bare_scenarios.

State: RAM of the machine. Context: a process of its own.
"""

import sys
from typing import Final

from hw.bare import bare_image
from hw.machine import Machine
from hw.machine_config import MachineConfig
from hw.spec.board_registers import DEBUG_CONSOLE, POWER_OFF
from hw.spec.memory_map import BOARD_REGISTERS_BASE, MIB
from tests.support.bare_kernel import BASE, link
from tests.support.bare_scenarios import BODIES, HANDLERS, IST1, PAGE, RSP0, STRIDE

_UP: Final = f"""
.code16
start:
    cli
    mov ax, cs
    mov ds, ax
    .byte 0x66
    lgdt [first_gdt_register]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea
    .long protected
    .word 0x18
.code32
protected:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov ebp, 1
    lock xadd [next_core], ebp
    test ebp, ebp
    jnz paging
    mov dword ptr [0x20000], 0x21007
    mov dword ptr [0x21000], 0x87
    mov dword ptr [0x21008], 0x40000083
    mov dword ptr [0x21010], 0x80000083
    mov dword ptr [0x21018], 0xc0000083
paging:
    mov eax, 0x20000
    mov cr3, eax
    mov eax, 0x620
    mov cr4, eax
    mov ecx, 0xc0000080
    mov eax, 0x900
    xor edx, edx
    wrmsr
    mov eax, 0x80010033
    mov cr0, eax
    .byte 0xea
    .long long_mode
    .word 8
.code64
long_mode:
    mov eax, ebp
    imul ebp, ebp, {STRIDE}
    add ebp, {PAGE}
    lea esp, [ebp + 0x1000]
    lea rsi, [first_gdt]
    mov edi, ebp
    mov ecx, 8
    cld
    rep movsq
    lea eax, [ebp + 0x100]
    shl rax, 16
    mov rcx, 0x890000000067
    or rax, rcx
    mov [rbp + 0x20], rax
    lea eax, [ebp + {RSP0}]
    mov [rbp + 0x104], rax
    lea eax, [ebp + {IST1}]
    mov [rbp + 0x124], rax
    mov word ptr [rsp], 0x3f
    mov [rsp + 2], rbp
    lgdt [rsp]
    mov ax, 0x10
    mov ss, ax
    lidt [idt_register]
    mov ax, 0x20
    ltr ax
    mov ecx, 0x1b
    rdmsr
    or eax, 0xc00
    wrmsr
    mov ecx, 0x80f
    mov eax, 0x1ff
    xor edx, edx
    wrmsr
    cmp ebp, {PAGE}
    jne others
    mov ecx, 0x830
    mov eax, 0xc4500
    wrmsr
    mov eax, 0xc4610
    wrmsr
"""

_FINISH: Final = """
write:
    mov al, [rsi]
    mov [{console}], al
    inc rsi
    dec rcx
    jnz write
    ret
power_off:
    mov eax, {power}
    mov dword ptr [rax], 3
    cli
    hlt
ap_stub: .zero 8
next_core: .long 0
arrived: .long 0
taken: .long 0
.balign 8
first_gdt_register: .word 0x3f
    .long first_gdt
.balign 8
first_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff, 0, 0
    .quad 0x00cff3000000ffff, 0x00affb000000ffff
idt_register: .word 0xfff
    .quad idt
"""


def image(cores: int, scenario: str) -> bytes:
    """The image of a scenario."""
    handlers = HANDLERS[scenario]
    gates = [".balign 16\nidt:\n"]
    for vector in range(256):
        if vector in handlers:
            label, ist = handlers[vector]
            gates.append(
                f".word {label} - start, 8\n.byte {ist}, 0xee\n.word {BASE >> 16}\n.quad 0\n"
            )
        else:
            gates.append(".quad 0, 0\n")
    power = hex(BOARD_REGISTERS_BASE + POWER_OFF)
    finish = _FINISH.format(console=hex(BOARD_REGISTERS_BASE + DEBUG_CONSOLE), power=power)
    body = BODIES[scenario].format(cores=cores, power=power)
    return link(_UP + body + finish + "".join(gates), BASE)


def main() -> int:
    """Run the scenario that the command line names."""
    cores, scenario = int(sys.argv[1]), sys.argv[2]
    ids = tuple(map(int, sys.argv[3:]))
    config = MachineConfig(cpus=cores, ram_bytes=32 * MIB, apic_ids=ids, ports=(), timeout_s=40)
    return Machine(config).run(bare_image(image(cores, scenario), BASE))


if __name__ == "__main__":
    sys.exit(main())
