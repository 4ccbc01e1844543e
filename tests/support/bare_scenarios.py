"""What the cores of a bare image do in long mode, as assembly (for tests.support.bare_smp).

    page of core n (0x50000 + n * 0x2000): GDT | TSS at 0x100 | record at 0x200 | its stacks above

"faults": all cores run into a double fault at once, each on its own IST stack; core 0 writes all
records to the debug console. "calls": core 0 sends each other core an interrupt, which it takes
out of HLT, and waits for the count; then the same through NMI. "monitor": core 0
stores to a line at which the others wait in MWAIT. "names": each core notes by which
APIC ids CPUID and its APIC know it; core 0 writes all records, then the ids in the firmware's MADT.
"tasks": eight tasks in ring 3 with kernel stacks of their own go round on the cores, by the timer
and by INT; each entry must be on the stack and with the name of the current task. The end writes
how often each core has found each task. "stale": the same without loading RSP0 at a switch.

In the text, {cores} is their number and {power} the address that ends the machine.
State: none. Context: a test's launcher.
"""

import struct
from typing import Final

from hw.spec.acpi import (
    MADT_LOCAL_APIC,
    MADT_X2APIC,
    MadtHeader,
    MadtLocalApic,
    MadtX2Apic,
    Rsdp,
    TableHeader,
)
from hw.spec.apic import APIC_TIMER_HZ
from hw.spec.boot_info import BootInfo
from hw.spec.memory_map import BOOT_INFO_BASE

PAGE: Final = 0x50000
STRIDE: Final = 0x2000
#: Where RSP0 and IST1 of a core begin, from its page on.
RSP0: Final = 0x1800
IST1: Final = 0x1F00
RECORD: Final = 0x200
#: TR, APIC id, RSP in the handler, CR2, GDT base.
RECORD_FORMAT: Final = struct.Struct("<5Q")

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

_MONITOR: Final = """
1:  pause
    cmp dword ptr [arrived], {cores} - 1
    jne 1b
    mov r8d, 20
2:  mov dword ptr [taken], 0
    mov ecx, 100000
3:  loop 3b
    inc dword ptr [watched]
4:  pause
    cmp dword ptr [taken], {cores} - 1
    jne 4b
    dec r8d
    jnz 2b
    lea rsi, [done]
    mov ecx, 7
    call write
    jmp power_off
done: .ascii "watched"
others:
    xor ebx, ebx
    lock inc dword ptr [arrived]
5:  lea rax, [watched]
    xor ecx, ecx
    xor edx, edx
    monitor
    cmp [watched], ebx
    jne 6f
    mwait
    cmp [watched], ebx
    je 5b
6:  mov ebx, [watched]
    lock inc dword ptr [taken]
    jmp 5b
    .balign 4096
watched: .long 0
    .balign 4096
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

_REGISTERS: Final = (
    *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp"),
    *(f"r{number}" for number in range(8, 16)),
)
_SAVE: Final = "\n".join(f"    push {register}" for register in _REGISTERS)
_RESTORE: Final = "\n".join(f"    pop {register}" for register in reversed(_REGISTERS))
#: A task: saved RSP, name, entries seen by each core; its kernel stack ends at half, its user
#: stack at the end. CURRENT: the task of a core, in the core's page.
TASKS: Final = 0x60000
TASK_SIZE: Final = 0x2000
TASK_COUNT: Final = 8
#: How many entries each core makes at least.
ENTRIES: Final = 300
_FRAME: Final = 8 * (5 + len(_REGISTERS))
_CURRENT: Final = RECORD + 8
_ENTRIES_HERE: Final = RECORD + 16
_TSS_RSP0: Final = 0x104
_TASKS: Final = f"""
    xor ebx, ebx
1:  imul eax, ebx, {TASK_SIZE}
    add eax, {TASKS}
    mov [queue + rbx * 8], rax
    mov [rax + 8], rbx
    lea rdx, [rax + {TASK_SIZE // 2 - _FRAME}]
    mov [rax], rdx
    mov [rdx], rbx
    lea rcx, [user]
    mov [rdx + {_FRAME - 40}], rcx
    mov qword ptr [rdx + {_FRAME - 32}], 0x3b
    mov qword ptr [rdx + {_FRAME - 24}], 0x202
    lea rcx, [rax + {TASK_SIZE}]
    mov [rdx + {_FRAME - 16}], rcx
    mov qword ptr [rdx + {_FRAME - 8}], 0x33
    inc ebx
    cmp ebx, {TASK_COUNT}
    jne 1b
    mov [tail], ebx
    mov dword ptr [arrived], 1
others:
    pause
    cmp dword ptr [arrived], 1
    jne others
    mov ecx, 0xc0000101
    mov eax, ebp
    xor edx, edx
    wrmsr
    mov ecx, 0x83e
    mov eax, 11
    wrmsr
    mov ecx, 0x832
    mov eax, 0x20041
    wrmsr
    mov ecx, 0x838
    mov eax, {APIC_TIMER_HZ // 2000}
    wrmsr
    call take_lock
    jmp run_next
timer:
{_SAVE}
    swapgs
    mov ecx, 0x80b
    xor eax, eax
    xor edx, edx
    wrmsr
    jmp entered
asked:
{_SAVE}
    swapgs
entered:
    mov rbx, gs:[{_CURRENT}]
    mov rax, rsp
    and rax, -{TASK_SIZE}
    cmp rax, rbx
    jne wrong
    cmp r15, [rbx + 8]
    jne wrong
    mov ecx, 0x802
    rdmsr
    inc dword ptr [rbx + 16 + rax * 4]
    inc dword ptr gs:[{_ENTRIES_HERE}]
    cmp dword ptr gs:[{_ENTRIES_HERE}], {ENTRIES}
    jne leave
    lock inc dword ptr [taken]
    cmp dword ptr [taken], {{cores}}
    je finish
leave:
    call take_lock
    mov [rbx], rsp
    mov eax, [tail]
    and eax, 15
    mov [queue + rax * 8], rbx
    inc dword ptr [tail]
run_next:
    mov eax, [head]
    and eax, 15
    mov rbx, [queue + rax * 8]
    inc dword ptr [head]
    mov gs:[{_CURRENT}], rbx
    lea rax, [rbx + {TASK_SIZE // 2}]
    {{load_stack}}
    mov rsp, [rbx]
    mov dword ptr [queue_lock], 0
    swapgs
{_RESTORE}
    iretq
take_lock:
    lock bts dword ptr [queue_lock], 0
    jc take_lock
    ret
user:
    mov ecx, 3000
1:  loop 1b
    inc rax
    int 0x30
    jmp user
wrong:
    mov eax, {{power}}
    mov dword ptr [rax], 4
stop:
    cli
    hlt
    jmp stop
finish:
    mov ebx, {TASKS}
2:  lea rsi, [rbx + 16]
    mov ecx, 8
    call write
    add ebx, {TASK_SIZE}
    cmp ebx, {TASKS + TASK_COUNT * TASK_SIZE}
    jne 2b
    jmp power_off
head: .long 0
tail: .long 0
queue_lock: .long 0
.balign 8
queue: .zero 8 * 16
"""

#: Scenario -> vector -> label, number of its IST stack.
HANDLERS: Final[dict[str, dict[int, tuple[str, int]]]] = {
    "faults": {8: ("double_fault", 1)},
    "calls": {2: ("nmi", 0), 0x41: ("call_me", 0)},
    "monitor": {},
    "names": {},
    "tasks": {0x30: ("asked", 0), 0x41: ("timer", 0)},
    "stale": {0x30: ("asked", 0), 0x41: ("timer", 0)},
}
#: What core 0 goes on with, and all others at `others`.
BODIES: Final = {
    "faults": _FAULTS,
    "calls": _CALLS,
    "monitor": _MONITOR,
    "names": _NAMES,
    "tasks": _TASKS.replace("{load_stack}", f"mov gs:[{_TSS_RSP0}], rax"),
    "stale": _TASKS.replace("{load_stack}", ""),
}
