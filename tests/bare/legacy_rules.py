# ruff: noqa: E501 (a case is read as one line)
"""Rules outside 64-bit mode: 16- and 32-bit code, stacks, segments with base and limit.

Spec: AMD64 APM vol. 2, 4.5 and 4.12 (limits and types); vol. 3, general-purpose instructions.
"""

from typing import Final

from tests.bare.rules import BR, DE, GP, NP, OF, SS, UD, Rule
from tests.support.bare_kernel import (
    CALL_GATE,
    CODE_16,
    DATA_16,
    DOWN_DATA,
    EXECUTE_ONLY,
    KERNEL_CODE,
    KERNEL_CODE_32,
    KERNEL_DATA,
    READ_ONLY,
    SMALL_DATA,
)

_NO_LIMITS: Final = "checks no limits and types"
#: A stack inside the 64 KiB of DATA_16.
_STACK_16: Final = 0xEFF0


def narrow(code: str) -> str:
    """16-bit code in ring 0, all segments 64 KiB from the image on."""
    return (
        f"mov eax, {DATA_16}\nmov ds, eax\nmov es, eax\nmov ss, eax\nmov esp, {_STACK_16}\nxor eax, eax\n"
        f"jmp fword ptr [rip + 88f]\n88: .long 89f - start\n.word {CODE_16}\n.code16\n89: {code}\n"
        "int 0x80\n.code64"
    )


def wide(code: str) -> str:
    """32-bit code in ring 0, flat segments."""
    return (
        f"jmp fword ptr [rip + 88f]\n88: .long 89f\n.word {KERNEL_CODE_32}\n.code32\n89: {code}\n"
        "int 0x80\n.code64"
    )


def _load(register: str, selector: int) -> str:
    return f"mov eax, {selector:#x}\nmov {register}, eax\nxor eax, eax"


def _decimal(instruction: str) -> str:
    """A decimal adjustment of several values with all flags before, folded into eax."""
    return (
        "xor esi, esi\nmov ecx, 0x7f\n5: mov eax, ecx\nimul eax, 0x3d\nmov edx, ecx\nand edx, 0x11\n"
        f"push edx\npopfd\n{instruction}\npushfd\npop edx\nand edx, 0x11\nmovzx eax, ax\n"
        "rol esi, 5\nxor esi, eax\nrol esi, 5\nxor esi, edx\ndec ecx\njnz 5b\nmov eax, esi"
    )


LEGACY_RULES: Final = (
    # -- the same in both widths -----------------------------------------------------------------
    *(
        Rule(f"{text.splitlines()[0]} ... in {bits}-bit code", mode(text))
        for bits, mode in ((16, narrow), (32, wide))
        for text in (
            "mov eax, 0x12345678\npush eax\npop ecx\nmov eax, ecx",
            "mov ax, 0x1234\npush ax\nmov eax, esp\npop cx",
            "push 0x7f\npush -2\npop ax\npop cx",
            "call 1f\nmov ebx, 5\njmp 2f\n1: mov ecx, 7\nret\n2: lea eax, [ebx + ecx * 4 + 9]",
            "mov ecx, 5\n1: add eax, ecx\nloop 1b\njecxz 2f\nmov eax, 99\n2:",
            "mov ecx, 5\n1: inc eax\ndec ecx\njnz 1b\ncmp eax, 5\njne 1b\nsetz ah",
            "mov ebp, esp\nenter 16, 2\nmov eax, esp\nleave\nsub eax, esp",
            "mov ebx, 0x11112222\npusha\nxor ebx, ebx\npopa\nmov eax, ebx",
            "pushf\npop ax\nand ax, 0x202",
            "std\npushf\npopf\npushf\npop ax\ncld\nand ax, 0x400",
            "mov ax, ds\npush ds\npop es\nmov ecx, es\nshl ecx, 16\nor eax, ecx",
            "mov eax, 0x11\nmov ecx, 0x22\nxchg eax, ecx\nbswap eax",
            "xor eax, eax\ncmp eax, 1\n.byte 0xd6",
        )
    ),
    *(
        Rule(f"{text} in 32-bit code", wide(_decimal(text)))
        for text in ("daa", "das", "aaa", "aas", "aam 10", "aad 10", "aam 7")
    ),
    Rule("AAM 0", wide(".byte 0xd4, 0"), DE),
    Rule("BOUND: inside", wide("push 9\npush 2\nmov eax, 5\nbound eax, [esp]"), rax=5),
    Rule("BOUND: outside", wide("push 9\npush 2\nmov eax, 10\nbound eax, [esp]"), BR),
    Rule("INTO: no overflow", wide("mov eax, 3\ninto"), rax=3),
    Rule("INTO: overflow", wide("mov eax, 0x7fffffff\ninc eax\ninto"), OF),
    Rule("ARPL", wide("mov eax, 0x10\nmov ecx, 3\narpl ax, cx\nsetz ah"), rax=0x113),
    Rule("LES", wide(f"push {KERNEL_DATA}\npush 0x1234\nles eax, [esp]"), rax=0x1234),
    Rule("LSS", wide(f"push {KERNEL_DATA}\npush 0x2c000\nlss esp, [esp]\nmov eax, esp"), rax=0x2C000),
    Rule("XLAT", wide("lea ebx, [3f]\nmov al, 2\nxlatb\njmp 4f\n3: .byte 1, 2, 77\n4:"), rax=77),
    Rule("BTS far beyond its operand",
         wide("push 0\npush 0\nmov ecx, 37\nbts [esp], ecx\nmov eax, [esp + 4]"), rax=32),
    Rule("BT below its operand", wide("push 0x80000000\npush 0\nmov ecx, -1\nlea edx, [esp + 8]\n"
         "bt [edx - 4], ecx\nsetc al"), rax=0),
    Rule("REP MOVSB", wide("lea esi, [3f]\nmov edi, 0x2c000\nmov ecx, 4\ncld\nrep movsb\n"
         "mov eax, [0x2c000]\nadd eax, ecx\njmp 4f\n3: .long 0x41424344\n4:"), rax=0x41424344),
    Rule("REP STOSD", wide("mov edi, 0x2c000\nmov ecx, 4\nmov eax, 5\ncld\nrep stosd\nmov eax, edi"),
         rax=0x2C010),
    Rule("REPNE SCASB", wide("lea edi, [3f]\nmov ecx, 10\nmov al, 7\ncld\nrepne scasb\n"
         "mov eax, ecx\njmp 4f\n3: .byte 1, 2, 7, 9\n4:"), rax=7),
    Rule("REPE CMPSB", wide("lea esi, [3f]\nlea edi, [5f]\nmov ecx, 9\ncld\nrepe cmpsb\nseta al\n"
         "mov ah, cl\njmp 4f\n3: .byte 1, 2, 7, 9\n5: .byte 1, 2, 6\n4:"), rax=0x601),
    Rule("LODSW downwards", wide("std\nlea esi, [3f]\nlodsw\nlodsb\ncld\njmp 4f\n.byte 0x11\n3: .word 0x5566\n4:")),
    Rule("16-bit addresses in 32-bit code",
         wide("mov dword ptr [0x2c00], 0x77\nmov bx, 0x2b00\nmov si, 0xf8\n.byte 0x67, 0x8b, 0x40, 8"), rax=0x77),
    Rule("16-bit addresses wrap", narrow("mov dword ptr [0x10], 0x1234\nmov bx, 0xfff0\nmov eax, [bx + 0x20]\n"
         "mov dword ptr [0x10], 0"), rax=0x1234),
    Rule("32-bit addresses in 16-bit code",
         narrow("mov ebx, 0xe000\nmov ecx, 2\nmov word ptr [ebx + ecx * 4], 0x99\nmov ax, [0xe008]"), rax=0x99),
    Rule("indirect jump and call in 32-bit code",
         wide("lea ebx, [1f]\njmp ebx\nud2\n1: lea ecx, [2f]\npush ecx\ncall [esp]\njmp 3f\n2: mov eax, 4\nret\n3:"),
         rax=4),
    Rule("indirect jump in 16-bit code", narrow("lea ebx, [1f]\njmp bx\nud2\n1: mov al, 4"), rax=4),
    Rule("LEA of 16-bit code", narrow("mov bx, 0xfff0\nlea eax, [bx + 0x20]"), rax=0x10),
    Rule("stack pointer of 16 bits wraps", narrow("mov esp, 0x120000\npush ax\nmov eax, esp"), rax=0x12FFFE),
    Rule("far CALL and RETF in 32-bit code",
         wide(f".byte 0x9a\n.long 1f\n.word {KERNEL_CODE_32}\njmp 2f\n1: mov eax, 6\nretf\n2:"), rax=6),
    Rule("far JMP from 32-bit to 64-bit code",
         wide(f".byte 0xea\n.long 1f\n.word {KERNEL_CODE}\n1: .code64\nmov rax, 1 << 40\nint 0x80\n.code32"), rax=1 << 40),
    Rule("call gate from 32-bit code", wide(f".byte 0x9a\n.long 0\n.word {CALL_GATE}"), rax=0x6A7E),
    Rule("IRETD in 32-bit code", wide(f"pushfd\npush {KERNEL_CODE_32}\nlea eax, [1f]\npush eax\niretd\n1: mov eax, 3"), rax=3),
    Rule("IN and OUT in 32-bit code", wide("mov al, 1\nmov edx, 0x80\nout dx, al\nmov eax, 5"), rax=5),
    Rule("SWAPGS outside 64-bit mode", wide("swapgs"), UD),
    Rule("SYSCALL from 32-bit code of ring 3",
         "lea rax, [rip + 4f]\nmov rdx, rax\nshr rdx, 32\nmov ecx, 0xc0000083\nwrmsr\n"
         "lea rcx, [rip + 3f]\njmp enter_user_32\n3: .code32\nsyscall\n.code64\n4: mov eax, 0x55", rax=0x55),
    Rule("SYSRETD to 32-bit code",
         "lea rcx, [rip + 3f]\nsub rcx, 0x10000 - 0x400000\nmov r11d, 2\nsysret\n3: .code32\nmov eax, 9\n"
         "dec eax\nint 0x80\n.code64", rax=8),
    # -- limits and types ------------------------------------------------------------------------
    Rule("read at the limit", wide(_load("ds", SMALL_DATA) + "\nmov eax, [0xffc]\nmov eax, 1"), rax=1),
    Rule("read across the limit", wide(_load("ds", SMALL_DATA) + "\nmov eax, [0xffd]"), GP,
         qemu_differs=_NO_LIMITS),
    Rule("write beyond the limit", wide(_load("es", SMALL_DATA) + "\nmov es:[0x1000], al"), GP,
         qemu_differs=_NO_LIMITS),
    Rule("expand-down: below the limit", wide(_load("ds", DOWN_DATA) + "\nmov eax, [0xffc]"), GP,
         qemu_differs=_NO_LIMITS),
    Rule("expand-down: above the limit", wide(_load("ds", DOWN_DATA) + "\nmov eax, [0x1000]\nmov eax, 1"),
         rax=1),
    Rule("write to read-only data", wide(_load("ds", READ_ONLY) + "\nmov [0x2c000], eax"), GP,
         qemu_differs=_NO_LIMITS),
    Rule("write to code", wide("mov cs:[0x2c000], eax"), GP, qemu_differs=_NO_LIMITS),
    Rule("read through a null selector", wide(_load("ds", 0) + "\nmov eax, [0x2c000]"), GP,
         qemu_differs=_NO_LIMITS),
    Rule("stack beyond its limit", wide(_load("ss", SMALL_DATA) + "\nmov esp, 0x1004\npush eax"), SS,
         qemu_differs=_NO_LIMITS),
    Rule("operand on the stack beyond its limit",
         wide(_load("ss", SMALL_DATA) + "\nmov ebp, 0x1000\nmov eax, [ebp]"), SS, qemu_differs=_NO_LIMITS),
    Rule("read of 16 bits across 64 KiB", narrow("mov bx, 0xffff\nmov ax, [bx]"), GP, qemu_differs=_NO_LIMITS),
    Rule("jump beyond the limit", narrow("mov ebx, 0x10000\n.byte 0x66\njmp ebx"), GP, qemu_differs=_NO_LIMITS),
    Rule("DS: execute-only code, 32-bit code", wide(_load("ds", EXECUTE_ONLY)), GP, EXECUTE_ONLY),
    Rule("INT through a gate that is not present, 32-bit code", wide("int 0x41"), NP, 0x41 * 8 + 2,
         qemu_differs="idt"),
)  # fmt: skip
