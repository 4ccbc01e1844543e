# ruff: noqa: E501 (a case is read as one line)
"""Rules of what depends on control registers: translations, alignment, debugging, the numeric units.

Spec: AMD64 APM vol. 2, 3.1, 5.5 (TLB), 8.2.17 (#AC), 13.1 (debugging); vol. 1, 6.4 and 4.8.
"""

from typing import Final

from tests.bare.rules import AC, DB, GP, MF, NM, UD, XM, Rule, user
from tests.support.bare_kernel import (
    DATA_16,
    KERNEL_DATA,
    PAGE,
    PAGE_ENTRY,
    RING_1,
    RING_2,
    USER,
    USER_DATA,
)

_CR4: Final = 0x620
_PGE, _PCIDE, _DE, _XMM = 1 << 7, 1 << 17, 1 << 3, 1 << 10
_MP, _EM, _TS, _AM = 1 << 1, 1 << 2, 1 << 3, 1 << 18
_NO_AC: Final = "checks no alignment"
_NO_TLB: Final = "forgets all at each load of CR3"
_G: Final = 0x100
#: A page whose translation shares its place in a TLB with no other that a case needs.
_TRIED: Final = USER + 0x4_0000
_TRIED_ENTRY: Final = PAGE_ENTRY + 8 * 0x30
_READ: Final = f"mov eax, [{_TRIED}]"


def _cr0(bits: int) -> str:
    return f"mov rax, cr0\nor eax, {bits:#x}\nmov cr0, rax"


def _cr4(bits: int) -> str:
    return f"mov rax, {_CR4 ^ bits:#x}\nmov cr4, rax"


def _cr3(value: int) -> str:
    return f"mov rax, {value:#x}\nmov cr3, rax"


def _kept(code: str, bits: int = 0, first: str = "") -> str:
    """What a read of _TRIED gives: 0x11 if the translation from before ``code`` is still there.

    Done twice: the first time is for the decoder, which may cost translations.
    """
    entry = f"qword ptr [{_TRIED_ENTRY}]"
    return (
        f"mov r15d, 2\n19: {first}\nmov {entry}, {0x40007 | bits:#x}\ninvlpg [{_TRIED}]\nmov dword ptr [{_TRIED}], 0x11\n"
        f"mov dword ptr [{PAGE} + 0x1000], 0x22\n{_READ}\nmov {entry}, {0x41007 | bits:#x}\n{code}\n{_READ}\n"
        "dec r15d\njnz 19b"
    )


def _ring(segments: tuple[int, int], code: str) -> str:
    """Code in ring 1 or 2, on the stack of the case."""
    return (
        f"mov rbx, rsp\npush {segments[1]}\npush rbx\npush 2\npush {segments[0]}\nlea rax, [rip + 66f]\n"
        f"push rax\niretq\n66: {code}"
    )


def _interrupted(code: str) -> str:
    """Interrupt 0x80 waits, with interrupts off; through the x2APIC."""
    return (
        "mov ecx, 0x1b\nrdmsr\nor eax, 0xc00\nwrmsr\nmov ecx, 0x80b\nxor eax, eax\nxor edx, edx\nwrmsr\n"
        "mov ecx, 0x80f\nmov eax, 0x1ff\nwrmsr\nmov ecx, 0x830\nmov eax, 0x44080\nwrmsr\nnop\nxor eax, eax\n"
        f"{code}\nmov eax, 0x11\nmov eax, 0x22\nmov eax, 0x33\ncli"
    )


def _checked(code: str) -> str:
    """Ring 3 with alignment checked; rbx is the address of PAGE."""
    return f"{_cr0(_AM)}\n" + user(
        f"mov ebx, {PAGE}\nmov edi, {PAGE} + 0x100\nmov esi, ebx\npushfq\nor dword ptr [rsp], 0x40000\npopfq\n{code}\nmov eax, 1"
    )


def _stepped(code: str) -> str:
    return f"pushfq\nor dword ptr [rsp], 0x100\npopfq\n{code}"


def _armed(number: int, kind: int, length: int, address: str) -> str:
    """Breakpoint: kind 0 execute, 1 write, 2 port, 3 access; length 1, 2, 4 or 8."""
    control = kind | {1: 0, 2: 1, 8: 2, 4: 3}[length] << 2
    dr7 = 0x400 | 2 << 2 * number | control << 16 + 4 * number
    load = f"lea rax, [rip + {address}]" if address.endswith("f") else f"mov rax, {address}"
    return f"{load}\nmov dr{number}, rax\nmov eax, {dr7:#x}\nmov dr7, rax\nxor eax, eax"


def _data(kind: int, length: int, code: str, offset: int = 0) -> str:
    return f"{_armed(1, kind, length, str(PAGE + offset))}\nmov ebx, {PAGE}\n{code}\nmov eax, 5"


#: Accesses that raise #AC, and that do not; rbx, rsi and rdi are aligned (the host agrees:
#: tests/differential/test_alignment.py).
CHECKED: Final = (
    "mov ecx, [rbx + 1]", "mov [rbx + 2], ecx", "add [rbx + 1], cx", "mov rcx, [rbx + 4]",
    "lock inc dword ptr [rbx + 2]", "xchg [rbx + 4], rcx", "lea rsp, [rsp - 15]\npush rcx\nlea rsp, [rsp + 23]",
    "movsd xmm0, [rbx + 4]", "movq xmm0, [rbx + 4]", "movlps xmm0, [rbx + 4]", "pinsrw xmm0, [rbx + 1], 0",
    "movq mm0, [rbx + 4]", "fld dword ptr [rbx + 2]", "fld qword ptr [rbx + 4]", "fld tbyte ptr [rbx + 4]",
    "fistp word ptr [rbx + 1]", "fnstenv [rbx + 2]", "fnsave [rbx + 6]", "ldmxcsr [rbx + 2]", "movnti [rbx + 2], ecx",
    "cld\ninc rsi\nmovsw", "cld\ninc rdi\nmov ecx, 2\nrep stosd", "cmpxchg8b [rbx + 4]",
    "xor ecx, ecx\nbt dword ptr [rbx + 1], ecx", "lea rcx, [rbx + 3]\npush [rcx]\npop rcx", "mov ecx, [rbx + 0xffd]",
)  # fmt: skip
UNCHECKED: Final = (
    "mov ecx, [rbx + 4]", "mov cl, [rbx + 1]", "mov cx, [rbx + 2]", "movsb", "fld tbyte ptr [rbx + 8]", "fnstenv [rbx + 4]",
    "fnsave [rbx + 4]", "fldenv [rbx + 4]", "frstor [rbx + 4]", "movups xmm0, [rbx + 1]", "movdqu [rbx + 9], xmm0",
    "lddqu xmm0, [rbx + 0xff8]", "movss xmm0, [rbx + 4]", "cld\nmov ecx, 9\ninc rdi\nrep stosb", "lea ecx, [rbx + 1]",
    "prefetcht0 [rbx + 1]", "clflush [rbx + 1]",
)  # fmt: skip
STATE_RULES: Final = (
    # -- translations ----------------------------------------------------------------------------
    Rule("INVLPG drops a translation", _kept(f"invlpg [{_TRIED}]"), rax=0x22),
    Rule("a load of CR3 drops it", _kept("mov rax, cr3\nmov cr3, rax"), rax=0x22),
    Rule("but not a global page", _cr4(_PGE) + "\n" + _kept("mov rax, cr3\nmov cr3, rax", _G), rax=0x11,
         qemu_differs=_NO_TLB),
    Rule("INVLPG drops a global page", _cr4(_PGE) + "\n" + _kept(f"invlpg [{_TRIED}]", _G), rax=0x22),
    Rule("CR4.PGE drops all", _cr4(_PGE) + "\n" + _kept(_cr4(0) + "\n" + _cr4(_PGE), _G), rax=0x22),
    Rule("G means nothing without CR4.PGE", _kept("mov rax, cr3\nmov cr3, rax", _G), rax=0x22),
    Rule("a change of CR0.WP to and fro drops nothing",
         _kept("mov rax, cr0\nbtr rax, 16\nmov cr0, rax\nbts rax, 16\nmov cr0, rax"), rax=0x11,
         qemu_differs=_NO_TLB),
    *(
        Rule(f"PCID: {name}", _cr4(_PCIDE) + "\n" + _kept(code, first=_cr3(0x8000000000020000)),
             rax=rax, qemu_differs="no PCID")
        for name, code, rax in (
            ("CR3 with bit 63 keeps the PCID's translations", _cr3(0x8000000000020000), 0x11),
            ("CR3 without bit 63 drops them", _cr3(0x20000), 0x22),
            ("another PCID's are not seen", _cr3(0x8000000000020005), 0x22),
            ("and are kept", _cr3(0x20005) + f"\n{_READ}\n" + _cr3(0x8000000000020000), 0x11),
            ("each has its own", _cr3(0x20005) + f"\n{_READ}\n" + _cr3(0x20000) + "\n" + _cr3(0x8000000000020005), 0x22),
        )
    ),
    *(
        Rule(f"INVPCID: type {kind}, PCID {pcid}, {'global' if g else 'local'} page",
             _cr4(_PCIDE | _PGE) + "\n" + _kept(f"push {_TRIED}\npush {pcid}\nmov ecx, {kind}\ninvpcid rcx, [rsp]", g),
             rax=0x22 if drops else 0x11, qemu_differs="no INVPCID")
        for kind, pcid, g, drops in (
            (0, 0, 0, True), (1, 0, 0, True), (1, 5, 0, False), (1, 0, _G, False),
            (2, 5, _G, True), (3, 5, 0, True), (3, 0, _G, False),
        )
    ),
    Rule("INVPCID: type 0 of another address",
         _cr4(_PCIDE) + "\n" + _kept("push 0x1000\npush 0\nxor ecx, ecx\ninvpcid rcx, [rsp]"), rax=0x11,
         qemu_differs="no INVPCID"),
    Rule("INVPCID: type 0, address not canonical",
         _cr4(_PCIDE) + "\nmov rax, 1 << 60\npush rax\npush 0\nxor ecx, ecx\ninvpcid rcx, [rsp]", GP,
         qemu_differs="no INVPCID"),
    Rule("INVPCID: a PCID without CR4.PCIDE", "push 0\npush 5\nmov ecx, 1\ninvpcid rcx, [rsp]", GP,
         qemu_differs="no INVPCID"),
    Rule("ring 3 does not see what ring 0 has translated",
         f"mov dword ptr [{PAGE_ENTRY}], 0x40003\ninvlpg [{PAGE}]\nmov eax, [{PAGE}]\n"
         + user(f"mov eax, [{PAGE}]"), 14, 5),
    Rule("CR0.WP counts at once",
         f"mov rax, cr0\nbtr rax, 16\nmov cr0, rax\nmov dword ptr [{PAGE_ENTRY}], 0x40005\ninvlpg [{PAGE}]\n"
         f"mov dword ptr [{PAGE}], 5\n{_cr0(1 << 16)}\nmov [{PAGE}], eax", 14, 3),
    # -- rings and shadows -------------------------------------------------------------------------
    *(
        rule
        for name, ring in (("ring 1", RING_1), ("ring 2", RING_2))
        for rule in (
            Rule(f"{name} and back by INT", _ring(ring, "mov eax, 7"), rax=7),
            Rule(f"{name}: HLT", _ring(ring, "hlt"), GP),
            Rule(f"{name}: CLI with IOPL 0", _ring(ring, "cli"), GP),
            Rule(f"{name} is the supervisor to pages",
                 f"mov dword ptr [{PAGE_ENTRY}], 0x40003\ninvlpg [{PAGE}]\n" + _ring(ring, f"mov eax, [{PAGE}]\nmov eax, 8"),
                 rax=8),
            Rule(f"{name} heeds SMAP", _cr4(1 << 21) + "\n" + _ring(ring, f"mov eax, [{PAGE}]"), 14, 1),
            Rule(f"{name} loads no segment of ring 0", _ring(ring, f"mov eax, {KERNEL_DATA}\nmov ds, eax"), GP, KERNEL_DATA),
            Rule(f"{name}: no alignment check",
                 _cr0(_AM) + "\n" + _ring(ring, f"pushfq\nor dword ptr [rsp], 0x40000\npopfq\nmov ecx, [{PAGE + 1}]\nmov eax, 9"),
                 rax=9),
        )
    ),
    Rule("STI: the next instruction comes first", _interrupted("sti"), rax=0x11, qemu_differs="no x2APIC"),
    Rule("POPF has no such shadow", _interrupted("push 0x202\npopfq"), rax=0, qemu_differs="no x2APIC"),
    Rule("STI, CLI: nothing comes", _interrupted("sti\ncli"), rax=0x33, qemu_differs="no x2APIC"),
    Rule("STI, HLT: the interrupt ends the wait", _interrupted("sti\nhlt"), rax=0, qemu_differs="no x2APIC"),
    # -- alignment -------------------------------------------------------------------------------
    Rule("#AC: not in ring 0", _cr0(_AM) + f"\n{_stepped('').replace('0x100', '0x40000')}\nmov ecx, [{PAGE + 1}]\nmov eax, 2", rax=2),
    Rule("#AC: not without CR0.AM",
         user(f"pushfq\nor dword ptr [rsp], 0x40000\npopfq\nmov ecx, [{PAGE + 1}]\nmov eax, 2"), rax=2),
    Rule("#AC: a page fault comes first", _checked("mov ecx, [0x70000001]"), 14, 4),
    *(Rule(f"#AC: {text}", _checked(text), AC, qemu_differs=_NO_AC) for text in CHECKED),
    *(Rule(f"no #AC: {text}", _checked(text), rax=1) for text in UNCHECKED),
    Rule("#AC: #GP of an SSE operand comes before", _checked("movaps xmm0, [rbx + 8]"), GP),
    Rule("#AC in 32-bit code",
         f"{_cr0(_AM)}\nlea rcx, [rip + 3f]\njmp enter_user_32\n3: .code32\nmov eax, {USER_DATA}\nmov ds, eax\nmov ebx, {PAGE}\npushfd\n"
         "or dword ptr [esp], 0x40000\npopfd\nmov cx, [ebx + 1]\n.code64", AC, qemu_differs=_NO_AC),
    Rule("#AC of a push in 32-bit code",
         f"{_cr0(_AM)}\nlea rcx, [rip + 3f]\njmp enter_user_32\n3: .code32\npushfd\n"
         "or dword ptr [esp], 0x40000\npopfd\ndec esp\npush eax\n.code64", AC, qemu_differs=_NO_AC),
    # -- numeric units ---------------------------------------------------------------------------
    Rule("x87 with CR0.TS", _cr0(_TS) + "\nfld1", NM),
    Rule("x87 with CR0.EM", _cr0(_EM) + "\nfld1", NM),
    Rule("FWAIT with CR0.TS", _cr0(_TS) + "\nand al, 0xfd\nmov cr0, rax\nfwait\nmov eax, 4", rax=4),
    Rule("FWAIT with CR0.TS and CR0.MP", _cr0(_TS | _MP) + "\nfwait", NM),
    Rule("FWAIT with CR0.EM", _cr0(_EM) + "\nfwait\nmov eax, 4", rax=4),
    Rule("MMX with CR0.TS", _cr0(_TS) + "\nmovd mm0, eax", NM),
    Rule("MMX with CR0.EM", _cr0(_EM) + "\nmovd mm0, eax", UD),
    Rule("EMMS with CR0.EM", _cr0(_EM) + "\nemms", UD, qemu_differs="unchecked"),
    Rule("FXSAVE with CR0.TS", _cr0(_TS) + f"\nfxsave [{PAGE}]", NM),
    Rule("LDMXCSR with CR0.TS", _cr0(_TS) + f"\nldmxcsr [{PAGE}]", NM),
    Rule("SFENCE with CR0.TS", _cr0(_TS) + "\nsfence\nmov eax, 4", rax=4),
    Rule("MOVNTI with CR0.TS", _cr0(_TS) + f"\nmovnti [{PAGE}], ecx\nmov eax, 4", rax=4),
    Rule("CRC32 with CR0.EM", _cr0(_EM) + "\nxor eax, eax\ncrc32 eax, cl\nmov eax, 4", rax=4),
    Rule("XGETBV without CR4.OSXSAVE", "xgetbv", UD),
    Rule("RDPID, which is not claimed", ".byte 0xf3, 0x0f, 0xc7, 0xf8", UD, qemu_differs="has it"),
    Rule("#MF", _cr0(1 << 5) + f"\nfninit\nmov word ptr [{PAGE}], 0x37b\nfldcw [{PAGE}]\nfld1\nfldz\nfdivp\nfwait", MF),
    Rule("#XM", f"mov dword ptr [{PAGE}], 0x1d80\nldmxcsr [{PAGE}]\nxorps xmm0, xmm0\nmov eax, 0x3f800000\n"
         "movd xmm1, eax\ndivss xmm1, xmm0", XM, qemu_differs="has no #XM"),
    Rule("#UD instead, without CR4.OSXMMEXCPT",
         _cr4(_XMM) + f"\nmov dword ptr [{PAGE}], 0x1d80\nldmxcsr [{PAGE}]\nxorps xmm0, xmm0\n"
         "mov eax, 0x3f800000\nmovd xmm1, eax\ndivss xmm1, xmm0", UD, qemu_differs="has no #XM"),
    Rule("ENTER with operands of 16 bits", "mov rbp, 0x1122334455667788\n.byte 0x66, 0xc8, 16, 0, 0\nmov rax, rbp\n"
         "sub rbp, rsp\nmov edx, ebp", rax=0x112233445566CFFE, qemu_differs="writes all of RBP"),
    Rule("LEAVE with operands of 16 bits",
         f"mov word ptr [{PAGE}], 0x1234\nmov ebp, {PAGE}\n.byte 0x66, 0xc9\nmov rax, rbp\nsub rsp, {PAGE}\nshl rsp, 32\n"
         "add rax, rsp\nmov esp, 0x2d000", rax=0x2_0041_1234),
    # -- debugging -------------------------------------------------------------------------------
    *(
        Rule(f"breakpoint, {('', 'write', '', 'access')[kind]} of {length} at +{offset}: {code}",
             _data(kind, length, code, offset), DB if hits else 0x80)
        for kind, length, offset, code, hits in (
            (3, 1, 0, "mov cl, [rbx]", True), (3, 1, 3, "mov ecx, [rbx]", True), (3, 2, 2, "mov cx, [rbx]", False),
            (3, 4, 4, "mov rcx, [rbx]", True), (3, 8, 8, "mov cl, [rbx + 15]", True), (3, 8, 8, "mov cl, [rbx + 16]", False),
            (1, 1, 0, "mov cl, [rbx]", False), (1, 4, 0, "mov [rbx + 3], cl", True), (1, 4, 0, "inc dword ptr [rbx]", True),
            (1, 8, 0, "mov [rbx + 7], cl", True), (1, 4, 0, "movups [rbx - 12], xmm0", True), (3, 1, 0, "lea rcx, [rbx]", False),
            (1, 8, 0, "lea rsp, [rbx + 8]\npush rcx", True), (3, 8, 0, "lea rsp, [rbx]\npop rcx", True),
            (1, 4, 0, "xor ecx, ecx\nlock cmpxchg [rbx], ecx", True),
        )
    ),
    Rule("breakpoint in the middle of REP STOSB",
         _data(1, 1, "mov edi, ebx\nmov ecx, 9\ncld\nrep stosb", 4), DB),
    Rule("breakpoint on a port", _cr4(_DE) + "\n" + _armed(2, 2, 2, "0x80") + "\nout 0x81, al\nmov eax, 5", DB),
    Rule("breakpoint beside the port", _cr4(_DE) + "\n" + _armed(2, 2, 2, "0x80") + "\nout 0x82, al\nmov eax, 5", rax=5),
    Rule("breakpoint on a port, of OUTSB", _cr4(_DE) + "\n" + _armed(0, 2, 1, "0x80")
         + f"\nmov edx, 0x80\nmov esi, {PAGE}\ncld\noutsb\nmov eax, 5", DB),
    Rule("breakpoint on a port without CR4.DE", _armed(2, 2, 2, "0x80") + "\nout 0x81, al\nmov eax, 5", rax=5,
         qemu_differs="takes the kind without CR4.DE"),
    Rule("breakpoint on an instruction, RF set by IRETQ",
         _armed(0, 0, 1, "4f") + "\npush 0x10\nlea rax, [rsp + 8]\npush rax\npush 0x10002\npush 8\n"
         "lea rax, [rip + 4f]\npush rax\niretq\n4: mov eax, 5", rax=5, qemu_differs="RF stays"),
    Rule("single step over SYSCALL, masked there",
         "lea rax, [rip + 4f]\nxor edx, edx\nmov ecx, 0xc0000082\nwrmsr\nmov ecx, 0xc0000084\nmov eax, 0x100\n"
         "wrmsr\n" + user(_stepped("syscall") + "\n4: nop\nmov eax, 5"), DB, qemu_differs="traps in the kernel"),
    Rule("single step of REP MOVSB: after the first iteration",
         f"mov ecx, 5\nmov esi, {PAGE}\nmov edi, {PAGE} + 64\ncld\n" + _stepped("rep movsb"), DB),
    Rule("DR6 and DR7 keep their fixed bits",
         "mov eax, 0xffff\nmov dr6, rax\nmov rax, dr6", rax=0xFFFFEFFF, qemu_differs="writable bits"),
    Rule("WRMSR of the TSC", "mov ecx, 0x10\nxor eax, eax\nmov edx, 0x50000000\nwrmsr\nrdtsc\nshr edx, 16\nmov eax, edx\nmov ebx, edx\n"
         "mov ecx, 0x10\nrdmsr\nshr edx, 16\nmov eax, edx", rax=0x5000, qemu_differs="takes no value"),
    Rule("a stack of the wrong width is no matter in 64-bit mode", f"mov eax, {DATA_16}\nmov ss, eax\npush 7\npop rax", rax=7),
)  # fmt: skip
