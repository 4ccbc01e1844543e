"""A bare image for two cores and more: all come up from real mode, each with tables of its own.

    python -m tests.support.bare_smp CORES SCENARIO [APIC IDS]

    page of core n (0x50000 + n * 0x2000): GDT | TSS at 0x100 | record at 0x200 | its stacks above

"faults": all cores run into a double fault at once, each on its own IST stack; core 0 writes all
records to the debug console. "calls": core 0 sends each other core an interrupt, which it takes
out of HLT, and waits for the count; then the same through NMI. "names": each core notes by which
APIC ids CPUID and its APIC know it; core 0 writes all records, then the ids in the firmware's MADT.

State: RAM of the machine. Context: a process of its own.
"""

import struct
import sys
from typing import Final

from hw.bare import bare_image
from hw.machine import Machine
from hw.machine_config import MachineConfig
from hw.spec.acpi import (
    MADT_LOCAL_APIC,
    MADT_X2APIC,
    MadtHeader,
    MadtLocalApic,
    MadtX2Apic,
    Rsdp,
    TableHeader,
)
from hw.spec.board_registers import DEBUG_CONSOLE, POWER_OFF
from hw.spec.boot_info import BootInfo
from hw.spec.memory_map import BOARD_REGISTERS_BASE, BOOT_INFO_BASE, MIB
from tests.support.bare_kernel import BASE, link

PAGE: Final = 0x50000
STRIDE: Final = 0x2000
#: Where RSP0 and IST1 of a core begin, from its page on.
RSP0: Final = 0x1800
IST1: Final = 0x1F00
RECORD: Final = 0x200
#: TR, APIC id, RSP in the handler, CR2, GDT base.
RECORD_FORMAT: Final = struct.Struct("<5Q")

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
    mov dword ptr [0x21000], 0x83
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
    mov ecx, 6
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
    mov word ptr [rsp], 0x2f
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
first_gdt_register: .word 0x2f
    .long first_gdt
.balign 8
first_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff, 0, 0
idt_register: .word 0xfff
    .quad idt
"""

_FAULTS: Final = f"""
others:
    lock inc dword ptr [arrived]
1:  pause
    cmp dword ptr [arrived], {{cores}}
    jne 1b
    mov rsp, 0x700000000000
    push rax
double_fault:
    pop rax
    str eax
    mov [rbp + {RECORD}], rax
    mov ecx, 0x802
    rdmsr
    mov [rbp + {RECORD + 8}], rax
    mov [rbp + {RECORD + 16}], rsp
    mov rax, cr2
    mov [rbp + {RECORD + 24}], rax
    sub rsp, 16
    sgdt [rsp]
    mov rax, [rsp + 2]
    mov [rbp + {RECORD + 32}], rax
    lock inc dword ptr [taken]
    cmp ebp, {PAGE}
    jne stop
2:  pause
    cmp dword ptr [taken], {{cores}}
    jne 2b
    mov ebx, {PAGE}
3:  lea rsi, [rbx + {RECORD}]
    mov ecx, {RECORD_FORMAT.size}
    call write
    add ebx, {STRIDE}
    cmp ebx, {PAGE} + {{cores}} * {STRIDE}
    jne 3b
    jmp power_off
stop:
    cli
    hlt
    jmp stop
"""

_CALLS: Final = """
    sti
1:  pause
    cmp dword ptr [arrived], {cores} - 1
    jne 1b
    mov ebx, 20
2:  mov dword ptr [taken], 0
    mov ecx, 0x830
    mov eax, 0xc4041
    xor edx, edx
    wrmsr
3:  pause
    cmp dword ptr [taken], {cores} - 1
    jne 3b
    dec ebx
    jnz 2b
    mov dword ptr [taken], 0
    mov eax, 0xc4400
    wrmsr
4:  pause
    cmp dword ptr [taken], {cores} - 1
    jne 4b
    lea rsi, [done]
    mov ecx, 5
    call write
    jmp power_off
done: .ascii "calls"
others:
    lock inc dword ptr [arrived]
5:  sti
    hlt
    jmp 5b
call_me:
    push rax
    push rcx
    push rdx
    lock inc dword ptr [taken]
    mov ecx, 0x80b
    xor eax, eax
    xor edx, edx
    wrmsr
    pop rdx
    pop rcx
    pop rax
    iretq
nmi:
    lock inc dword ptr [taken]
    iretq
"""

_NAMES: Final = f"""
others:
    mov eax, 1
    cpuid
    shr ebx, 24
    mov [rbp + {RECORD}], rbx
    mov eax, 0xb
    xor ecx, ecx
    cpuid
    mov [rbp + {RECORD + 8}], rdx
    mov eax, 0xb
    mov ecx, 1
    cpuid
    mov [rbp + {RECORD + 16}], rax
    mov [rbp + {RECORD + 24}], rbx
    mov ecx, 0x802
    rdmsr
    mov [rbp + {RECORD + 32}], rax
    lock inc dword ptr [taken]
    cmp ebp, {PAGE}
    jne stop
1:  pause
    cmp dword ptr [taken], {{cores}}
    jne 1b
    mov ebx, {PAGE}
2:  lea rsi, [rbx + {RECORD}]
    mov ecx, {RECORD_FORMAT.size}
    call write
    add ebx, {STRIDE}
    cmp ebx, {PAGE} + {{cores}} * {STRIDE}
    jne 2b
    mov rsi, [{BOOT_INFO_BASE + BootInfo.offset_of("rsdp")}]
    mov rsi, [rsi + {Rsdp.offset_of("xsdt_address")}]
    add rsi, {TableHeader.SIZE}
3:  mov rax, [rsi]
    add rsi, 8
    cmp dword ptr [rax], {int.from_bytes(b"APIC", "little")}
    jne 3b
    mov edx, [rax + {TableHeader.offset_of("length")}]
    add rdx, rax
    lea rbx, [rax + {TableHeader.SIZE + MadtHeader.SIZE}]
4:  cmp rbx, rdx
    jae power_off
    movzx eax, byte ptr [rbx + {MadtLocalApic.offset_of("apic_id")}]
    cmp byte ptr [rbx], {MADT_LOCAL_APIC}
    je 5f
    mov eax, [rbx + {MadtX2Apic.offset_of("x2apic_id")}]
    cmp byte ptr [rbx], {MADT_X2APIC}
    jne 6f
5:  mov [arrived], eax
    lea rsi, [arrived]
    mov ecx, 4
    call write
6:  movzx eax, byte ptr [rbx + 1]
    add rbx, rax
    jmp 4b
stop:
    cli
    hlt
    jmp stop
"""

_HANDLERS: Final[dict[str, dict[int, tuple[str, int]]]] = {
    "faults": {8: ("double_fault", 1)},
    "calls": {2: ("nmi", 0), 0x41: ("call_me", 0)},
    "names": {},
}
_BODIES: Final = {"faults": _FAULTS, "calls": _CALLS, "names": _NAMES}


def image(cores: int, scenario: str) -> bytes:
    """The image of a scenario."""
    handlers = _HANDLERS[scenario]
    gates = [".balign 16\nidt:\n"]
    for vector in range(256):
        if vector in handlers:
            label, ist = handlers[vector]
            gates.append(
                f".word {label} - start, 8\n.byte {ist}, 0x8e\n.word {BASE >> 16}\n.quad 0\n"
            )
        else:
            gates.append(".quad 0, 0\n")
    finish = _FINISH.format(
        console=hex(BOARD_REGISTERS_BASE + DEBUG_CONSOLE),
        power=hex(BOARD_REGISTERS_BASE + POWER_OFF),
    )
    return link(_UP + _BODIES[scenario].format(cores=cores) + finish + "".join(gates), BASE)


def main() -> int:
    """Run the scenario that the command line names."""
    cores, scenario = int(sys.argv[1]), sys.argv[2]
    ids = tuple(map(int, sys.argv[3:]))
    config = MachineConfig(cpus=cores, ram_bytes=32 * MIB, apic_ids=ids, ports=(), timeout_s=40)
    return Machine(config).run(bare_image(image(cores, scenario), BASE))


if __name__ == "__main__":
    sys.exit(main())
