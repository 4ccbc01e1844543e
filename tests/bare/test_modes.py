"""The way from real mode up, and what each mode has of its own: small images, QEMU as witness.

Each image writes bytes to the debug port and ends by the exit port, here and under QEMU.
"""

from typing import Final

import pytest

from hw.cpu.exits import Halted, Shutdown
from tests.support import bare_kernel
from tests.support.bare_kernel import DEBUG_PORT, EXIT_PORT

_END: Final = f"xor eax, eax\nout {EXIT_PORT}, al\n9: cli\nhlt\njmp 9b\n"
#: Writes the low byte of eax, eax as it is, to the debug port.
_OUT: Final = f"out {DEBUG_PORT}, al"
_OUT4: Final = "\n".join([_OUT, "shr eax, 8"] * 4)

_COPY: Final = """
.code16
start:
    cli
    mov ax, cs
    mov ds, ax
    mov ax, 0x1000
    mov es, ax
    xor si, si
    xor di, di
    mov cx, 0x400
    cld
    rep movsd
    .byte 0xea
    .word moved - start, 0x1000
moved:
    mov ax, cs
    mov ds, ax
    mov ss, ax
    mov sp, 0xf000
"""

REAL: Final = (
    _COPY
    + f"""
    xor ax, ax
    mov es, ax
    mov word ptr es:[0x21 * 4], offset service
    mov es:[0x21 * 4 + 2], cs
    mov word ptr es:[0], offset divide
    mov es:[2], cs
    sti
    mov ah, 5
    int 0x21
    pushf
    pop ax
    {_OUT}
    mov al, ah
    {_OUT}
    xor cx, cx
    mov ax, 7
    div cx
    mov ax, sp
    {_OUT}
    mov ax, 0xb800
    mov es, ax
    mov ax, es
    push es
    pop gs
    mov word ptr gs:[0x10], 0x1234
    mov ax, 0xb801
    mov fs, ax
    mov ax, fs:[0]
    {_OUT}
    call 1f
    mov bx, 1
    mov ax, [bx + 2]
    {_OUT}
    smsw ax
    {_OUT}
    .byte 0x9a
    .word far_routine - start, 0x1000
    {_END}
1:  mov al, 0x42
    {_OUT}
    ret
far_routine:
    mov al, 0x43
    {_OUT}
    .byte 0xcb
service:
    mov al, ah
    {_OUT}
    pushf
    pop ax
    mov al, ah
    {_OUT}
    iret
divide:
    mov al, 0xde
    {_OUT}
    mov bp, sp
    mov ax, [bp]
    add word ptr [bp], 2
    iret
"""
)

_PROTECTED: Final = (
    _COPY
    + """
    .byte 0x66
    lgdt [gdt_register]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea
    .long protected
    .word 8
.code32
protected:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x2f000
    lidt [idt_register]
    mov ax, 0x28
    ltr ax
"""
)

_TABLES: Final = """
.balign 8
gdt_register: .word gdt_end - gdt - 1
    .long gdt
idt_register: .word 0x7ff
    .long 0x28000
.balign 8
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
    .word 0x67, tss - start
    .byte 1, 0x89, 0, 0
    .quad 0x0000920100000fff
gdt_end:
.balign 4
tss: .long 0, 0x2e000, 0x10
    .zero 100
"""


def _gate(vector: int, label: str, access: int = 0x8E) -> str:
    """Code that makes an interrupt gate."""
    return (
        f"lea eax, [{label}]\nmov [0x28000 + {vector * 8}], ax\n"
        f"mov word ptr [0x28002 + {vector * 8}], 8\n"
        f"mov word ptr [0x28004 + {vector * 8}], {access << 8:#x}\nshr eax, 16\n"
        f"mov [0x28006 + {vector * 8}], ax\n"
    )


_FAULTING: Final = f"""
    mov dword ptr [0x400000], 0x5a5a
    mov eax, [0x400000]
    {_OUT}
    mov eax, [0x800000]
    {_OUT4}
    push 0x23
    push 0x2d000
    push 0x3002
    push 0x1b
    lea eax, [ring3]
    push eax
    iretd
ring3:
    mov ax, 0x23
    mov ds, ax
    mov al, 0x33
    {_OUT}
    int 0x80
    mov eax, [0x900000]
page_fault:
    pop eax
    {_OUT4}
    mov eax, cr2
    {_OUT4}
    cmp eax, 1
    add dword ptr [esp], 5
    mov eax, [esp + 4]
    {_OUT}
    test byte ptr [esp + 4], 3
    jnz finish
    iretd
system:
    mov ax, ss
    {_OUT}
    mov eax, esp
    {_OUT4}
    mov eax, [esp + 4]
    {_OUT4}
    mov eax, [esp + 16]
    {_OUT4}
    iretd
finish:
    {_END}
"""

TWO_LEVELS: Final = (
    _PROTECTED
    + _gate(14, "page_fault")
    + _gate(0x80, "system", 0xEE)
    + """
    mov dword ptr [0x20000], 0x21007
    mov dword ptr [0x20004], 0x87
    xor ecx, ecx
1:  mov eax, ecx
    shl eax, 12
    or eax, 7
    mov [0x21000 + ecx * 4], eax
    inc ecx
    cmp ecx, 1024
    jb 1b
    mov eax, 0x20000
    mov cr3, eax
    mov eax, 0x10
    mov cr4, eax
    mov eax, cr0
    or eax, 0x80010000
    mov cr0, eax
"""
    + _FAULTING
    + f"mov eax, [0x21000 + 0x20 * 4]\n{_OUT}\n"
    + _TABLES
)

PAE: Final = (
    _PROTECTED
    + _gate(14, "page_fault")
    + _gate(0x80, "system", 0xEE)
    + """
    mov dword ptr [0x20000], 0x21001
    mov dword ptr [0x20004], 0
    mov dword ptr [0x21000], 0x87
    mov dword ptr [0x21004], 0
    mov dword ptr [0x21010], 0x22007
    mov dword ptr [0x21014], 0
    mov dword ptr [0x22000], 0x40007
    mov dword ptr [0x22004], 0x80000000
    mov ecx, 0xc0000080
    mov eax, 0x800
    xor edx, edx
    wrmsr
    mov eax, 0x20000
    mov cr3, eax
    mov eax, 0x20
    mov cr4, eax
    mov eax, cr0
    or eax, 0x80010000
    mov cr0, eax
"""
    + _FAULTING
    + _TABLES
)

SYSENTER: Final = (
    _PROTECTED
    + f"""
    mov ecx, 0x174
    mov eax, 8
    xor edx, edx
    wrmsr
    inc ecx
    mov eax, 0x2c000
    wrmsr
    inc ecx
    lea eax, [entered]
    wrmsr
    mov ecx, 0x2b000
    lea edx, [outside]
    sysexit
outside:
    mov ax, cs
    push eax
    pop ebx
    sysenter
entered:
    mov eax, ebx
    and eax, 0xff
    {_OUT}
    mov eax, esp
    {_OUT4}
    mov ax, cs
    {_OUT}
    mov ax, ss
    {_OUT}
    {_END}
"""
    + _TABLES
)

IMAGES: Final = {"real": REAL, "two levels": TWO_LEVELS, "PAE": PAE}


@pytest.mark.parametrize("name", IMAGES)
def test_mode(name: str) -> None:
    image = bare_kernel.firmware(IMAGES[name])
    output, end = bare_kernel.run(image)
    assert end == Halted()
    if bare_kernel.QEMU is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    assert output.hex() == bare_kernel.run_qemu(image).hex()


def test_sysenter_and_sysexit_in_protected_mode() -> None:
    output, end = bare_kernel.run(bare_kernel.firmware(SYSENTER))
    assert end == Halted()
    assert output == bytes((0x1B, 0x00, 0xC0, 0x02, 0x00, 0x08, 0x10))
    if bare_kernel.QEMU is not None:
        assert output == bare_kernel.run_qemu(bare_kernel.firmware(SYSENTER))


def test_triple_fault_shuts_down() -> None:
    """No gate for anything: #UD, then #GP, then the double fault cannot be delivered."""
    empty = f"mov al, 1\n{_OUT}\nlidt [none]\nud2\nmov al, 2\n{_OUT}\n{_END}"
    image = bare_kernel.firmware(_PROTECTED + empty + "none: .word 0\n.long 0\n" + _TABLES)
    output, end = bare_kernel.run(image)
    assert (output, end) == (b"\x01", Shutdown())
    if bare_kernel.QEMU is not None:
        assert bare_kernel.run_qemu(image) == output
