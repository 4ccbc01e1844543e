# ruff: noqa: E501 (a case is read as one line)
"""The manual's rules of system behaviour, one case each: code, exception, error code.

Spec: AMD64 APM vol. 2, 8.2 (exceptions), tables 8-1 to 8-9; vol. 3, exception tables.
"""

from dataclasses import dataclass
from typing import Final

from tests.support.bare_kernel import (
    ABSENT_CODE,
    ABSENT_DATA,
    BUSY_TSS,
    CALL_GATE,
    CONFORMING,
    EXECUTE_ONLY,
    KERNEL_CODE,
    KERNEL_DATA,
    LDT,
    PAGE,
    PAGE_ENTRY,
    READ_ONLY,
    TSS,
    USER_CODE,
    USER_DATA,
)

DE, DB, BP, OF, BR, UD, NM, DF, TS, NP, SS, GP, PF = 0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14
MF, AC, XM = 16, 17, 19
DONE: Final = 0x80


@dataclass(frozen=True)
class Rule:
    """A case and what the manual says of it."""

    name: str
    code: str
    vector: int = DONE
    error: int = 0
    rax: int | None = None
    #: Why QEMU 7.2 is no witness; empty if it is.
    qemu_differs: str = ""


def user(code: str) -> str:
    """Code in ring 3."""
    return f"lea rcx, [rip + 77f]\njmp enter_user\n77: {code}"


def _msr(number: int, value: int) -> str:
    return (
        f"mov ecx, {number:#x}\nmov eax, {value & 0xFFFFFFFF:#x}\nmov edx, {value >> 32:#x}\nwrmsr"
    )


def _selector(register: str, selector: int) -> str:
    return f"mov eax, {selector:#x}\nmov {register}, ax"


_CR4: Final = 0x620
_SMEP, _SMAP, _UMIP, _FSGSBASE, _PCIDE, _DE = 1 << 20, 1 << 21, 1 << 11, 1 << 16, 1 << 17, 1 << 3


def _cr4(bits: int) -> str:
    return f"mov rax, {_CR4 | bits:#x}\nmov cr4, rax"


def _page(bits: int) -> str:
    """Map PAGE anew."""
    low, high = bits & 0xFFFFFFFF, bits >> 32
    return (
        f"mov dword ptr [{PAGE_ENTRY}], {0x40000 | low:#x}\n"
        f"mov dword ptr [{PAGE_ENTRY + 4}], {high:#x}\ninvlpg [{PAGE}]"
    )


_FAR: Final = "jmp fword ptr [rip + 88f]\n88: .long {offset}\n.word {selector:#x}"


def _far_call(selector: int, offset: str = "gate_target") -> str:
    return (
        "lea rbx, [rip + 66f]\n.byte 0xff, 0x1b\njmp 67f\n"
        f"66: .long {offset}\n.word {selector:#x}\n67:"
    )


def _iretq(cs: int, ss: int, flags: int = 2) -> str:
    return f"push {ss}\npush {PAGE + 0x2000}\npush {flags}\npush {cs}\nlea rax, [rip + 55f]\npush rax\niretq\n55:"


RULES: Final = (
    # -- exceptions of instructions ------------------------------------------------------------
    Rule("divide error", "div ecx", DE),
    Rule("breakpoint", "int3", BP),
    Rule("breakpoint from ring 3", user("int3"), BP),
    Rule("undefined opcode", "ud2", UD),
    Rule("INT through a gate of ring 0, from ring 3", user("int 14"), GP, 14 * 8 + 2, qemu_differs="idt"),
    Rule("INT through a gate that is not present", "int 0x41", NP, 0x41 * 8 + 2, qemu_differs="idt"),
    Rule("INT through an empty gate", "int 0x50", GP, 0x50 * 8 + 2, qemu_differs="idt"),
    Rule("INT beyond the IDT's limit", "lidt [rip + 2f]\nint 0x40\n2: .word 0x3ff\n.quad idt",
         GP, 0x40 * 8 + 2, qemu_differs="idt"),
    Rule("read of an absent page", "mov eax, [0x70000000]", PF, 0),
    Rule("write of an absent page", "mov [0x70000000], eax", PF, 2),
    Rule("write of a read-only page, CR0.WP", _page(5) + f"\nmov [{PAGE}], eax", PF, 3),
    Rule("the same without CR0.WP",
         _page(5) + f"\nmov rax, cr0\nbtr rax, 16\nmov cr0, rax\nmov dword ptr [{PAGE}], 5\nmov eax, 9",
         rax=9),
    Rule("ring 3 reads a supervisor page", _page(3) + "\n" + user(f"mov eax, [{PAGE}]"), PF, 5),
    Rule("ring 3 writes a read-only page", _page(5) + "\n" + user(f"mov [{PAGE}], eax"), PF, 7),
    Rule("fetch from a no-execute page", _page(7 | 1 << 63) + f"\nmov eax, {PAGE}\njmp rax", PF, 0x11),
    Rule("no-execute is reserved without EFER.NXE",
         _msr(0xC0000080, 0x501) + "\n" + _page(7 | 1 << 63) + f"\nmov eax, [{PAGE}]", PF, 9, qemu_differs="P clear"),
    Rule("a reserved address bit", _page(7 | 1 << 51) + f"\nmov eax, [{PAGE}]", PF, 9, qemu_differs="P clear"),
    Rule("SMEP: the supervisor fetches from a user page",
         _cr4(_SMEP) + f"\nmov eax, {PAGE}\njmp rax", PF, 0x11),
    Rule("SMAP: the supervisor reads a user page", _cr4(_SMAP) + f"\nmov eax, [{PAGE}]", PF, 1),
    Rule("SMAP: STAC opens user pages",
         _cr4(_SMAP) + f"\nstac\nmov dword ptr [{PAGE}], 3\nmov eax, [{PAGE}]", rax=3),
    Rule("SMAP: CLAC closes them again",
         _cr4(_SMAP) + f"\nstac\nmov ebx, [{PAGE}]\nclac\nmov ebx, [{PAGE}]", PF, 1),
    Rule("STAC without SMAP", "stac", UD, qemu_differs="takes CPUID, not CR4"),
    Rule("an address that is not canonical", "mov rax, 1 << 60\nmov eax, [rax]", GP),
    Rule("the same through the stack", "mov rbp, 1 << 60\nmov eax, [rbp]", SS,
         qemu_differs="always #GP"),
    Rule("a jump to such an address", "mov rax, 1 << 60\njmp rax", GP),
    # -- privilege -----------------------------------------------------------------------------
    *(
        Rule(f"{text} in ring 3", user(text), GP)
        for text in (
            "hlt", "cli", "sti", "rdmsr", "wrmsr", "invd", "wbinvd", "clts", "mov rax, cr0",
            "mov cr3, rax", "mov rax, dr7", "lgdt [rsp]", "lidt [rsp]", "lldt ax", "ltr ax",
            "lmsw ax", "swapgs", "sysretq", "invlpg [rax]", "in al, 0x60",
            "out 0x60, eax",
        )
    ),
    *(
        Rule(f"UMIP: {text} in ring 3", _cr4(_UMIP) + "\n" + user(text), GP)
        for text in ("sgdt [rsp - 16]", "sidt [rsp - 16]", "sldt eax", "str eax", "smsw eax")
    ),
    Rule("SLDT in ring 3 without UMIP", user("sldt eax"), rax=0),
    Rule("a port that the TSS opens", user("mov edx, 0x100\nin al, dx"), qemu_differs="answer of the port"),
    Rule("two ports of which one is closed", user("mov edx, 0x100\nin ax, dx"), GP),
    Rule("RDTSC with CR4.TSD in ring 3", _cr4(4) + "\n" + user("rdtsc"), GP),
    Rule("RDPMC", "mov ecx, 77\nrdpmc", GP, qemu_differs="#UD or zero"),
    # -- segment registers ---------------------------------------------------------------------
    Rule("DS: null", _selector("ds", 0), rax=0),
    Rule("DS: beyond the GDT", _selector("ds", 0x1000), GP, 0x1000),
    Rule("DS: not present", _selector("ds", ABSENT_DATA), NP, ABSENT_DATA),
    Rule("DS: a TSS", _selector("ds", TSS), GP, TSS),
    Rule("DS: code that may not be read", _selector("ds", EXECUTE_ONLY), GP, EXECUTE_ONLY),
    Rule("DS: inner privilege", user(_selector("ds", KERNEL_DATA)), GP, KERNEL_DATA),
    Rule("DS: RPL too low", _selector("ds", KERNEL_DATA | 3), GP, KERNEL_DATA),
    Rule("SS: null in ring 3", user(_selector("ss", 0)), GP, 0),
    Rule("SS: null in ring 0 of 64-bit mode", _selector("ss", 0), rax=0),
    Rule("SS: read-only", _selector("ss", READ_ONLY), GP, READ_ONLY),
    Rule("SS: another privilege", _selector("ss", USER_DATA), GP, USER_DATA & ~3),
    Rule("SS: not present", _selector("ss", ABSENT_DATA), SS, ABSENT_DATA),
    Rule("ES: from an LDT that is not there", _selector("es", 12), GP, 12),
    Rule("ES: from the LDT", f"mov eax, {LDT}\nlldt ax\n" + _selector("es", 12), rax=12),
    Rule("LLDT: no LDT", f"mov eax, {KERNEL_DATA}\nlldt ax", GP, KERNEL_DATA),
    Rule("LTR: a busy TSS", f"mov eax, {TSS}\nltr ax", GP, TSS),
    Rule("LTR: another busy TSS", f"mov eax, {BUSY_TSS}\nltr ax", GP, BUSY_TSS),
    Rule("LTR: null", "xor eax, eax\nltr ax", GP, 0, qemu_differs="takes it"),
    Rule("MOV CS", ".byte 0x8e, 0xc8", UD),
    Rule("STR", "str eax", rax=TSS),
    Rule("LAR of code", f"mov ecx, {KERNEL_CODE}\nlar eax, ecx", qemu_differs="limit bits"),
    Rule("LAR of a null selector", "mov eax, 5\nxor ecx, ecx\nlar eax, ecx\nmov eax, 1\nsetz al", rax=0),
    Rule("LSL", f"mov ecx, {KERNEL_DATA}\nlsl eax, ecx", rax=0xFFFFFFFF),
    Rule("LSL in ring 3 of an inner segment",
         user(f"mov ecx, {KERNEL_DATA}\nlsl eax, ecx\nmov eax, 0\nsetz al"), rax=0),
    Rule("VERW of read-only data", f"mov ecx, {READ_ONLY}\nverw cx\nmov eax, 0\nsetz al", rax=0),
    Rule("VERR of read-only data", f"mov ecx, {READ_ONLY}\nverr cx\nmov eax, 0\nsetz al", rax=1),
    # -- control registers and MSRs --------------------------------------------------------------
    Rule("CR0: PG without PE", "mov eax, 0x80000010\nmov cr0, rax", GP, qemu_differs="unchecked"),
    Rule("CR0: NW without CD", "mov eax, 0xa0010033\nmov cr0, rax", GP, qemu_differs="unchecked"),
    Rule("CR0: upper half", "mov rax, 0x180010033\nmov cr0, rax", GP, qemu_differs="unchecked"),
    Rule("CR0: PG cleared in 64-bit mode", "mov eax, 0x11\nmov cr0, rax", GP, qemu_differs="unchecked"),
    Rule("CR4: PAE cleared in long mode", "mov eax, 0x600\nmov cr4, rax", GP, qemu_differs="unchecked"),
    Rule("CR4: a reserved bit", "mov eax, 0x8620\nmov cr4, rax", GP, qemu_differs="unchecked"),
    Rule("CR3: a reserved bit", "mov rax, 1 << 55\nmov cr3, rax", GP, qemu_differs="unchecked"),
    Rule("CR4: PCIDE with a PCID in CR3", f"mov rax, 0x20001\nmov cr3, rax\n{_cr4(_PCIDE)}", GP,
         qemu_differs="unchecked"),
    Rule("CR8", "mov eax, 5\nmov cr8, rax\nxor eax, eax\nmov rax, cr8\nmov ecx, 0\nmov cr8, rcx", rax=5),
    Rule("CR8: above 15", "mov eax, 16\nmov cr8, rax", GP, qemu_differs="unchecked"),
    Rule("CR1", ".byte 0x0f, 0x20, 0xc8", UD, qemu_differs="decoder"),
    Rule("EFER: LME while paging", _msr(0xC0000080, 0x801), GP, qemu_differs="unchecked"),
    Rule("EFER: reserved bits", _msr(0xC0000080, 0xFFFF0D01), GP, qemu_differs="unchecked"),
    Rule("RDMSR: unknown", "mov ecx, 0x12345\nrdmsr", GP, qemu_differs="reads 0"),
    Rule("WRMSR: LSTAR not canonical", _msr(0xC0000082, 1 << 60), GP, qemu_differs="unchecked"),
    Rule("WRMSR: PAT type", _msr(0x277, 2), GP, qemu_differs="unchecked"),
    Rule("WRMSR and RDMSR", _msr(0xC0000102, 0x1234) + "\nxor eax, eax\nrdmsr", rax=0x1234),
    Rule("WRFSBASE without CR4.FSGSBASE", "wrfsbase rax", UD),
    Rule("WRFSBASE",
         _cr4(_FSGSBASE) + "\nmov eax, 77\nwrfsbase rax\nxor eax, eax\nrdfsbase rax", rax=77),
    Rule("WRGSBASE: not canonical", _cr4(_FSGSBASE) + "\nmov rax, 1 << 60\nwrgsbase rax", GP,
         qemu_differs="unchecked"),
    Rule("SWAPGS",
         _msr(0xC0000102, 0x77) + f"\n{_cr4(_FSGSBASE)}\nswapgs\nrdgsbase rax\nswapgs", rax=0x77),
    Rule("SSE with CR0.EM", "mov rax, cr0\nor eax, 4\nmov cr0, rax\nxorps xmm0, xmm0", UD),
    Rule("SSE with CR0.TS", "mov rax, cr0\nor eax, 8\nmov cr0, rax\nxorps xmm0, xmm0", NM),
    Rule("SSE after CLTS", "mov rax, cr0\nor eax, 8\nmov cr0, rax\nclts\nxorps xmm0, xmm0\nmov eax, 3",
         rax=3),
    Rule("SSE without CR4.OSFXSR", "mov eax, 0x20\nmov cr4, rax\nxorps xmm0, xmm0", UD),
    Rule("LMSW sets but does not clear PE", "xor eax, eax\nlmsw ax\nsmsw rax\nand eax, 1", rax=1),
    # -- debug registers -------------------------------------------------------------------------
    Rule("single step", "pushfq\nor dword ptr [rsp], 0x100\npopfq\nnop\nnop", DB),
    Rule("INT1", ".byte 0xf1", DB, qemu_differs="DR6"),
    Rule("breakpoint on an instruction",
         "lea rax, [rip + 3f]\nmov dr0, rax\nmov eax, 0x402\nmov dr7, rax\nnop\n3: mov eax, 5", DB),
    Rule("breakpoint on data written",
         f"mov eax, {PAGE}\nmov dr1, rax\nmov eax, 0xd00408\nmov dr7, rax\nmov ebx, [{PAGE}]\n"
         f"mov [{PAGE}], ebx\nnop", DB),
    Rule("no breakpoint beside the data",
         f"mov eax, {PAGE}\nmov dr1, rax\nmov eax, 0xd00408\nmov dr7, rax\nmov [{PAGE} + 4], ebx\n"
         "mov eax, 5", rax=5),
    Rule("DR4 is DR6", "mov rax, dr4", rax=0xFFFF0FF0),
    Rule("DR4 with CR4.DE", _cr4(_DE) + "\nmov rax, dr4", UD),
    Rule("DR7: upper half", "mov rax, 1 << 32\nmov dr7, rax", GP, qemu_differs="unchecked"),
    Rule("DR7.GD", "mov eax, 0x2400\nmov dr7, rax\nmov rax, dr0", DB, qemu_differs="no GD"),
    # -- transfers -------------------------------------------------------------------------------
    Rule("far JMP to data", _FAR.format(offset="common", selector=KERNEL_DATA), GP, KERNEL_DATA),
    Rule("far JMP to code that is not present", _FAR.format(offset="common", selector=ABSENT_CODE),
         NP, ABSENT_CODE),
    Rule("far JMP null", _FAR.format(offset="common", selector=0), GP, 0),
    Rule("far JMP to a TSS", _FAR.format(offset="common", selector=TSS), GP, TSS),
    Rule("far JMP conforming", _FAR.format(offset="gate_target", selector=CONFORMING), rax=0x6A7E),
    Rule("far CALL", _far_call(KERNEL_CODE), rax=0x6A7E),
    Rule("far CALL to the kernel from ring 3",
         user(_far_call(KERNEL_CODE, "0")), GP, KERNEL_CODE),
    Rule("call gate from ring 3", user(_far_call(CALL_GATE)), rax=0x6A7E),
    Rule("call gate from ring 0", _far_call(CALL_GATE), rax=0x6A7E),
    Rule("IRETQ to ring 3", _iretq(USER_CODE, USER_DATA).replace("55f]", "55f]\nsub rax, 0x10000 - 0x400000") + "mov eax, 4", rax=4),
    Rule("IRETQ: null CS", _iretq(0, KERNEL_DATA), GP, 0),
    Rule("IRETQ: data as CS", _iretq(KERNEL_DATA, KERNEL_DATA), GP, KERNEL_DATA),
    Rule("IRETQ: RPL that is not the DPL", _iretq(KERNEL_CODE | 3, USER_DATA), GP, KERNEL_CODE),
    Rule("IRETQ: null SS in ring 0", _iretq(KERNEL_CODE, 0) + "mov eax, 6", rax=6),
    Rule("IRETQ: null SS to ring 3", _iretq(USER_CODE, 3), GP, 0),
    Rule("IRETQ: SS of another ring", _iretq(KERNEL_CODE, USER_DATA), GP, USER_DATA & ~3),
    Rule("IRETQ: NT", "pushfq\nor dword ptr [rsp], 0x4000\npopfq\n" + _iretq(KERNEL_CODE, KERNEL_DATA), GP, 0),
    Rule("IRETQ to compatibility mode and back",
         "lea rcx, [rip + 3f]\njmp enter_user_32\n3: .code32\nmov eax, 0x1234\ndec eax\npush eax\npop ebx\n"
         "mov eax, ebx\nint 0x80\n.code64", rax=0x1233),
    Rule("RETF", f"push {KERNEL_CODE}\nlea rax, [rip + 5f]\npush rax\n.byte 0x48\nretf\n5: mov eax, 8", rax=8),
    Rule("SYSCALL from ring 3",
         "lea rax, [rip + 4f]\nmov rdx, rax\nshr rdx, 32\nmov ecx, 0xc0000082\nwrmsr\n"
         "mov ecx, 0xc0000084\nmov eax, 0x200\nxor edx, edx\nwrmsr\n" + user("syscall\n4: mov rax, r11"), rax=2),
    Rule("SYSCALL without EFER.SCE", _msr(0xC0000080, 0xD00) + "\n" + user("syscall"), UD),
    Rule("SYSRETQ", "lea rcx, [rip + 4f]\nsub rcx, 0x10000 - 0x400000\nmov r11d, 0x2\n"
         f"mov rsp, {PAGE + 0x2000}\nsysretq\n4: mov eax, 11", rax=11),
    Rule("SYSRETQ to an address that is not canonical",
         f"mov rcx, 1 << 60\nmov r11d, 2\nmov rsp, {PAGE + 0x2000}\nsysretq", GP, qemu_differs="rip, Intel's"),
    Rule("SYSENTER in long mode", user("sysenter"), UD, qemu_differs="vendor"),
    # -- nested faults ---------------------------------------------------------------------------
    Rule("double fault: #PF while #PF is delivered",
         "mov rsp, 0x70000000\nmov eax, [0x70000000]", DF, 0),
    Rule("#PF while #GP is delivered: not a double fault", "mov rsp, 0x70000000\nmov rax, 1 << 60\nmov eax, [rax]", DF, 0),
    Rule("#NP while #UD is delivered: one after the other",
         "mov byte ptr [idt + 6 * 16 + 5], 0x0e\nud2", NP, 6 * 8 + 3, qemu_differs="idt"),
    Rule("#GP while #UD is delivered: a gate's selector is checked",
         "mov byte ptr [idt + 6 * 16 + 5], 0x8e\nmov word ptr [idt + 6 * 16 + 2], 0x10\nud2", GP,
         KERNEL_DATA | 1, qemu_differs="EXT"),
    Rule("double fault: #GP while #DE is delivered",
         "mov word ptr [idt + 2], 0x10\ndiv ecx", DF, 0),
    Rule("INVPCID: type 4", "mov eax, 4\nsub rsp, 16\ninvpcid rax, [rsp]", GP, qemu_differs="no INVPCID"),
    Rule("INVPCID: all", "mov eax, 2\nsub rsp, 16\ninvpcid rax, [rsp]", rax=2, qemu_differs="no INVPCID"),
    Rule("MOV SS holds off the single step",
         f"mov ecx, {KERNEL_DATA}\npushfq\nor dword ptr [rsp], 0x100\npopfq\nmov ss, ecx\nnop\nnop", DB),
)  # fmt: skip
