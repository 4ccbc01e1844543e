"""Bare kernels: an image that comes up from real mode, runs cases, and leaves a record of each.

    F000:FFF0 -> 16-bit start -> copy to 0x10000 -> protected mode -> long mode -> case after case

The same bytes run on a core in vector mode and as the firmware of ``qemu-system-x86_64``. A case is
a piece of assembly that begins in ring 0 of 64-bit mode; it ends by INT 0x80 or by the exception
that it is about. The handler notes vector, error code, stack frame, rax, CR2 and DR6, puts all
control registers back, and goes on with the next.

Addresses: image 0x10000 (for ring 3: USER + offset), page tables 0x20000, stacks below 0x30000,
a record at 0x30000, one page for cases to map as they like at PAGE.
"""

import io
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import llvmlite.binding as llvm
from elftools.elf.elffile import ELFFile

from hw import ram
from hw.cpu.exits import Exit
from hw.cpu.vector_core import VectorCore
from hw.irq import apic_state
from hw.spec.memory_map import MIB

BASE: Final = 0x10000
SIZE: Final = 0x10000
FIRMWARE: Final = 0xF0000
RECORDS: Final = 0x30000
#: Ring 3 sees the image here.
USER: Final = 0x40_0000
#: Page-table entry of PAGE, and the page: cases change it.
PAGE_ENTRY: Final = 0x23000 + 8 * 16
PAGE: Final = USER + 0x1_0000
IST1: Final = 0x2E000
RSP0: Final = 0x2F000
#: What RSP is when a case begins.
CASE_STACK: Final = 0x2D000
USER_STACK: Final = PAGE + 0x2000
DEBUG_PORT: Final = 0xE9
EXIT_PORT: Final = 0xF4

KERNEL_CODE: Final = 0x08
KERNEL_DATA: Final = 0x10
KERNEL_CODE_32: Final = 0x18
USER_CODE_32: Final = 0x23
USER_DATA: Final = 0x2B
USER_CODE: Final = 0x33
TSS: Final = 0x38
ABSENT_DATA: Final = 0x48
CONFORMING: Final = 0x50
CALL_GATE: Final = 0x58
LDT: Final = 0x68
READ_ONLY: Final = 0x78
CODE_16: Final = 0x80
DATA_16: Final = 0x88
ABSENT_CODE: Final = 0x90
EXECUTE_ONLY: Final = 0x98
SMALL_DATA: Final = 0xA0
DOWN_DATA: Final = 0xA8
BUSY_TSS: Final = 0xB0
#: Code and data of rings 1 and 2, with their RPL.
RING_1: Final = (0xC1, 0xC9)
RING_2: Final = (0xD2, 0xDA)

_WITH_ERROR: Final = (8, 10, 11, 12, 13, 14, 17)
_VECTORS: Final = (*range(32), 0x40, 0x41, 0x80, 0x81)

_START: Final = f"""
.code16
start:
    cli
    mov ax, cs
    mov ds, ax
    mov ax, {BASE >> 4:#x}
    mov es, ax
    xor si, si
    xor di, di
    mov cx, [copied]
    cld
    rep movsd
    .byte 0xea
    .word moved - start, {BASE >> 4:#x}
moved:
    mov ax, cs
    mov ds, ax
    mov ss, ax
    xor sp, sp
    .byte 0x66
    lgdt [gdt_register]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea
    .long protected
    .word {KERNEL_CODE_32}
.code32
protected:
    mov ax, {KERNEL_DATA}
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, {CASE_STACK}
    mov edi, 0x20000
    xor eax, eax
    mov ecx, 0x4000 / 4
1:  mov [edi], eax
    add edi, 4
    dec ecx
    jnz 1b
    mov dword ptr [0x20000], 0x21007
    mov dword ptr [0x21000], 0x22007
    mov eax, 0x83
    mov edi, 0x22000
2:  mov [edi], eax
    add edi, 8
    add eax, 0x200000
    cmp eax, 0x2000083
    jb 2b
    mov dword ptr [0x22010], 0x23007
    mov edi, 0x23000
    mov eax, {BASE | 7:#x}
3:  mov [edi], eax
    add edi, 8
    add eax, 0x1000
    cmp eax, {BASE + SIZE | 7:#x}
    jb 3b
    mov dword ptr [edi], 0x40007
    mov dword ptr [edi + 8], 0x41007
    mov eax, 0x20000
    mov cr3, eax
    mov eax, 0x620
    mov cr4, eax
    mov ecx, 0xc0000080
    mov eax, 0x901
    xor edx, edx
    wrmsr
    mov eax, 0x80010033
    mov cr0, eax
    .byte 0xea
    .long long_mode
    .word {KERNEL_CODE}
.code64
long_mode:
    mov rsp, {CASE_STACK}
    lidt [idt_register]
    mov ax, {TSS}
    ltr ax
    mov ecx, 0xc0000081
    xor eax, eax
    mov edx, {(USER_CODE_32 << 16) | KERNEL_CODE:#x}
    wrmsr
    mov qword ptr [case_number], -1

next_case:
    mov rax, 0x80010033
    mov cr0, rax
    mov rax, 0x20000
    mov cr3, rax
    mov eax, 0x620
    mov cr4, rax
    mov ecx, 0xc0000080
    mov eax, 0xd01
    xor edx, edx
    wrmsr
    mov eax, 0x400
    mov dr7, rax
    mov eax, 0xffff0ff0
    mov dr6, rax
    xor eax, eax
    mov cr2, rax
    mov qword ptr [{PAGE_ENTRY}], 0x40007
    mov word ptr [idt + 2], {KERNEL_CODE}
    mov word ptr [idt + 6 * 16 + 2], {KERNEL_CODE}
    mov byte ptr [idt + 6 * 16 + 5], 0x8e
    fninit
    ldmxcsr [initial_mxcsr]
    lgdt [gdt_register]
    lidt [idt_register]
    mov ax, {KERNEL_DATA}
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    mov rsp, {CASE_STACK}
    push 2
    popfq
    mov rax, [case_number]
    inc rax
    mov [case_number], rax
    cmp rax, [case_count]
    jae finished
    mov rbx, [cases + rax * 8]
    xor eax, eax
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    jmp rbx
finished:
    xor eax, eax
    out {EXIT_PORT}, al
4:  cli
    hlt
    jmp 4b

common:
    mov [saved_rax], rax
    mov [saved_rdi], rdi
    cld
    mov edi, {RECORDS}
    mov rax, [case_number]
    stosq
    pop rax
    stosq
    pop rax
    stosq
    pop rax
    movzx eax, ax
    stosq
    pop rax
    stosq
    pop rax
    and eax, 0x37700
    stosq
    pop rax
    stosq
    pop rax
    stosq
    mov rax, [saved_rax]
    stosq
    mov rax, cr2
    stosq
    mov rax, dr6
    stosq
    mov rax, rsp
    stosq
    lea rsi, [rdi - 96]
    mov ecx, 96
    mov edx, {DEBUG_PORT}
    rep outsb
    jmp next_case

# Go to ring 3, 64-bit, at the offset of the label whose address is in rcx.
enter_user:
    sub rcx, {BASE - USER}
    push {USER_DATA}
    push {USER_STACK}
    push 2
    push {USER_CODE}
    push rcx
    iretq
# The same in compatibility mode.
enter_user_32:
    sub rcx, {BASE - USER}
    push {USER_DATA}
    push {USER_STACK}
    push 2
    push {USER_CODE_32}
    push rcx
    iretq
gate_target:
    mov eax, 0x6a7e
    int 0x80
"""

_DATA: Final = f"""
.balign 8
saved_rax: .quad 0
saved_rdi: .quad 0
case_number: .quad 0
case_count: .quad {{count}}
scratch: .quad 0, 0, 0, 0
initial_mxcsr: .long 0x1f80
copied: .word (image_end - start + 3) / 4
.balign 8
gdt_register: .word gdt_end - gdt - 1
    .quad gdt
idt_register: .word 0xfff
    .quad idt
.balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
    .quad 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
    .word 0x2067, tss - start
    .byte {BASE >> 16}, 0x89, 0, 0
    .quad 0
    .quad 0x00cf13000000ffff, 0x00af9f000000ffff
    .word gate_target - start, {KERNEL_CODE}, 0xec00, {BASE >> 16}
    .quad 0
    .word 0x17, ldt - start
    .byte {BASE >> 16}, 0x82, 0, 0
    .quad 0
    .quad 0x00cf91000000ffff, 0x00009b010000ffff, 0x000093010000ffff, 0x00af1b000000ffff
    .quad 0x00cf99000000ffff, 0x0040930100000fff, 0x0040970100000fff
    .word 0x67, tss - start
    .byte {BASE >> 16}, 0x8b, 0, 0
    .quad 0
    .quad 0x00afbb000000ffff, 0x00cfb3000000ffff, 0x00afdb000000ffff, 0x00cfd3000000ffff
gdt_end:
.balign 8
ldt: .quad 0, 0x00cf93000000ffff, 0x00cff3000000ffff
.balign 16
tss:
    .long 0
    .quad {RSP0}, 0, 0, 0, {IST1}, {IST1}, 0, 0, 0, 0, 0, 0
    .word 0, 104
    .zero 32, 0xff
    .byte 0xfe
    .zero 8159, 0xff
    .byte 0xff
"""


def link(text: str, base: int) -> bytes:
    """Assemble and put the one section at an address."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    source = ".intel_syntax noprefix\n.text\n" + text
    escaped = source.replace("\\", "\\5C").replace("\n", "\\0A").replace('"', "\\22")
    module = llvm.parse_assembly(f'module asm "{escaped}"')
    machine = llvm.Target.from_default_triple().create_target_machine(reloc="static")
    elf = ELFFile(io.BytesIO(machine.emit_object(module)))
    code = bytearray(elf.get_section_by_name(".text").data())
    relocations = elf.get_section_by_name(".rela.text")
    symbols = elf.get_section_by_name(".symtab")
    sizes = {1: 8, 2: 4, 4: 4, 10: 4, 11: 4, 12: 2}
    for one in relocations.iter_relocations() if relocations else ():
        place, kind = one["r_offset"], one["r_info_type"]
        symbol = symbols.get_symbol(one["r_info_sym"])
        assert symbol["st_shndx"] != "SHN_UNDEF", f"{symbol.name} is not defined"
        value = base + symbol["st_value"] + one["r_addend"]
        if kind in (2, 4):
            value -= base + place
        size = sizes[kind]
        code[place : place + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    return bytes(code)


def _stubs() -> str:
    lines = []
    for vector in _VECTORS:
        dummy = "" if vector in _WITH_ERROR else "push 0\n"
        lines.append(f"stub_{vector}: {dummy}push {vector}\njmp common\n")
    return "".join(lines)


def _idt() -> str:
    """Gates: a double fault on IST 1, INT3, INTO, 0x80 and 0x81 for all; 0x41 is not present."""
    lines = [".balign 16\nidt:\n"]
    for vector in range(256):
        if vector not in _VECTORS:
            lines.append(".quad 0, 0\n")
            continue
        access = 0xEE if vector in (3, 4, 0x80, 0x81) else 0x8E
        access = 0x0E if vector == 0x41 else access | (vector == 0x81)
        ist = int(vector == 8)
        lines.append(
            f".word stub_{vector} - start, {KERNEL_CODE}\n.byte {ist}, {access}\n"
            f".word {BASE >> 16}\n.quad 0\n"
        )
    return "".join(lines)


def build(cases: list[str]) -> bytes:
    """The image of some cases: 64 KiB, to be placed at FIRMWARE."""
    bodies = "".join(f"case_{number}:\n{text}\nint 0x80\n" for number, text in enumerate(cases))
    table = "cases: " + "".join(f".quad case_{number}\n" for number in range(len(cases)))
    data = _DATA.format(count=len(cases))
    text = f"{_START}{_stubs()}{bodies}{data}{_idt()}.balign 8\n{table}\nimage_end:\n"
    return firmware(text)


def firmware(text: str) -> bytes:
    """The image of assembly that begins in 16-bit mode at offset 0, linked to run at BASE.

    The caller's code copies itself there, if it names labels in 32 bits or writes to itself.
    """
    code = link(text, BASE)
    assert len(code) <= 0xFFF0, "more than the 64 KiB of the firmware"
    reset = bytes((0xEA, 0, 0, 0, FIRMWARE >> 12))
    return code.ljust(0xFFF0, b"\xf4") + reset.ljust(16, b"\xf4")


@dataclass(frozen=True)
class Record:
    """What the handler saw."""

    case: int
    vector: int
    error: int
    rip: int  #: low 16 bits
    cs: int
    rflags: int  #: TF, IF, DF, IOPL, NT, RF
    rsp: int
    ss: int
    rax: int
    cr2: int
    dr6: int
    handler_rsp: int  #: of the handler, after it has popped the frame


_RECORD: Final = struct.Struct("<12Q")


def records(data: bytes) -> dict[int, Record]:
    """Records by case."""
    found = [Record(*fields) for fields in _RECORD.iter_unpack(data)]
    return {record.case: record for record in found}


class BarePorts:
    """The debug port keeps what is written; the exit port ends the run."""

    def __init__(self) -> None:
        self.output = bytearray()

    def read(self, port: int, size: int) -> int:
        """Ones."""
        del port
        return (1 << 8 * size) - 1

    def write(self, port: int, size: int, value: int) -> None:
        """Keep a byte."""
        del size
        if port == DEBUG_PORT:
            self.output.append(value & 0xFF)


def run(image: bytes) -> tuple[bytes, Exit]:
    """Run an image on a core; what it wrote to the debug port, and why the core stopped."""
    files = ram.create(16 * MIB)
    try:
        apic_state.reset(0, boot_core=True)
        ram.write(FIRMWARE, image)
        ports = BarePorts()
        core = VectorCore(0, ports)
        core.start(FIRMWARE >> 4, 0xFFF0)
        end = core.run()
        return bytes(ports.output), end
    finally:
        ram.close(files)


QEMU: Final = shutil.which("qemu-system-x86_64")


def run_qemu(image: bytes, cpu: str = "EPYC,+smap,+smep,+umip,+pcid,+invpcid") -> bytes:
    """Run an image as QEMU's firmware; what it wrote to the debug port."""
    assert QEMU is not None
    with tempfile.TemporaryDirectory() as folder:
        firmware, output = Path(folder, "bios"), Path(folder, "out")
        firmware.write_bytes(image)
        subprocess.run(
            [
                QEMU, "-accel", "tcg", "-cpu", cpu, "-m", "16", "-nodefaults", "-display", "none",
                "-bios", str(firmware), "-no-reboot", "-debugcon", f"file:{output}",
                "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1",
            ],
            timeout=60, check=False, capture_output=True,
        )  # fmt: skip
        return output.read_bytes()
