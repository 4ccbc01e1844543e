"""A bare image's first stage: 32-bit entry, clear tables, 1 GiB by 2 MiB pages, long mode, hwinfo.

    python -m tests.support.bare_stage RAM_MIB

    0x20000  PML4 | PDPT | page directory: 512 pages of 2 MiB, each at its own address
    0x30000  hwinfo: who the processor is, as CPUID says, then the regions of memory, as firmware
             says

The tables' place is full of ones before, so that what is not cleared shows. In long mode the image
writes the tables and hwinfo to the debug console, and ends.

Spec: AMD64 APM vol. 2, 14.6; vol. 3, appendix E. State: RAM of the machine.
Context: a process of its own.
"""

import struct
import sys
from typing import Final

from hw.bare import bare_image
from hw.machine import Machine
from hw.machine_config import MachineConfig
from hw.spec.board_registers import DEBUG_CONSOLE, POWER_OFF
from hw.spec.boot_info import BootInfo, BootMemoryRange
from hw.spec.memory_map import BOARD_REGISTERS_BASE, BOOT_INFO_BASE, MIB
from tests.support.bare_kernel import BASE, link

TABLES: Final = 0x20000
TABLES_SIZE: Final = 3 * 4096
HWINFO: Final = 0x30000
#: Vendor, family, model, stepping, threads in the package, physical address bits, regions.
HWINFO_FORMAT: Final = struct.Struct("<12s6I")

_COUNT: Final = BOOT_INFO_BASE + BootInfo.offset_of("memory_range_count")
_RANGES: Final = BOOT_INFO_BASE + BootInfo.offset_of("memory_ranges")
#: The window through which the board is reached stands above the first GiB.
DEVICES: Final = BOARD_REGISTERS_BASE >> 30

_TEXT: Final = f"""
.code16
    cli
    mov ax, cs
    mov ds, ax
    .byte 0x66
    lgdt [gdt_register]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea
    .long stage1
    .word 0x18
.code32
stage1:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, {TABLES}
    cld
    mov edi, {TABLES}
    mov ecx, {TABLES_SIZE // 4}
    or eax, -1
    rep stosd
    mov edi, {TABLES}
    mov ecx, {TABLES_SIZE // 4}
    xor eax, eax
    rep stosd
    mov dword ptr [{TABLES}], {TABLES + 0x1003}
    mov dword ptr [{TABLES + 0x1000}], {TABLES + 0x2003}
    mov edi, {TABLES + 0x2000}
    mov eax, 0x83
1:  mov [edi], eax
    add edi, 8
    add eax, {2 * MIB}
    cmp eax, {1024 * MIB}
    jb 1b
    mov eax, cr4
    or eax, 0x20
    mov cr4, eax
    mov eax, {TABLES}
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x100
    wrmsr
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    .byte 0xea
    .long long_mode
    .word 8
.code64
long_mode:
    xor eax, eax
    cpuid
    mov [{HWINFO}], ebx
    mov [{HWINFO + 4}], edx
    mov [{HWINFO + 8}], ecx
    mov eax, 1
    cpuid
    mov ecx, eax
    shr ecx, 8
    and ecx, 15
    mov edx, eax
    shr edx, 4
    and edx, 15
    cmp ecx, 15
    jne 2f
    mov esi, eax
    shr esi, 20
    and esi, 255
    add ecx, esi
    mov esi, eax
    shr esi, 12
    and esi, 0xf0
    or edx, esi
2:  and eax, 15
    mov [{HWINFO + 12}], ecx
    mov [{HWINFO + 16}], edx
    mov [{HWINFO + 20}], eax
    mov eax, 0x80000008
    cpuid
    movzx ecx, cl
    inc ecx
    mov [{HWINFO + 24}], ecx
    movzx eax, al
    mov [{HWINFO + 28}], eax
    mov ecx, [{_COUNT}]
    mov [{HWINFO + 32}], ecx
    imul ebx, ecx, {BootMemoryRange.SIZE}
    mov rsi, [{_RANGES}]
    lea rdi, [{HWINFO + HWINFO_FORMAT.size}]
    mov ecx, ebx
    rep movsb
    mov dword ptr [{TABLES + 0x1000 + 8 * DEVICES}], {(DEVICES << 30) + 0x83:#x}
    lea rsi, [{TABLES}]
    mov ecx, {TABLES_SIZE}
    call write
    lea rsi, [{HWINFO}]
    lea ecx, [rbx + {HWINFO_FORMAT.size}]
    call write
    mov eax, {BOARD_REGISTERS_BASE + POWER_OFF:#x}
    mov dword ptr [rax], 3
    cli
    hlt
write:
    mov edx, {BOARD_REGISTERS_BASE + DEBUG_CONSOLE:#x}
3:  lodsb
    mov [rdx], al
    dec ecx
    jnz 3b
    ret
.balign 8
gdt_register: .word 0x1f
    .long gdt
.balign 8
gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
"""


def main() -> int:
    """Run the image on a machine with that much RAM."""
    config = MachineConfig(cpus=2, ram_bytes=int(sys.argv[1]) * MIB, ports=(), timeout_s=40)
    return Machine(config).run(bare_image(link("start:\n" + _TEXT, BASE), BASE))


if __name__ == "__main__":
    sys.exit(main())
