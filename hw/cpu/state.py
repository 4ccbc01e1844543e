"""The register file of a core, with its TLB and jump cache: one block of board memory a core.

Handlers hold its address in a host register; all they touch stands at constant offsets. Operands
name registers by their byte offset, so AH is a byte at offset 1 and "no register" is ``zero``.

Flags are lazy: while ``flag_kind`` is not FLAGS_READY, the six status flags follow from flag_kind,
flag_a and flag_b, and the bits in ``rflags`` are stale (hw.cpu.flags). At every Exit they are
ready.

    TLB entry, 32 bytes: read tag | write tag | fetch tag | addend (host address - guest address)
    jump cache entry, 16 bytes: rip | host address of the first micro-op
    A tag is the page's address; NO_TAG matches none.

Below the registers stand a TLB and a jump cache: a bank. A core has several, one for each context
that it was in lately (hw.cpu.tlb_banks), and sees each below its registers, at another address.

State: board memory. Locks: none; touched only by its own core, but for ``running`` and ``seen_*``,
which others read. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.cpu.page_rules import RULE_NX, RULE_WP
from hw.ram import CORE_BOARD
from hw.spec.layout import Layout, atomic, layout, this_cpu, u64
from hw.spec.memory_map import MAX_CPUS
from hw.spec.registers import (
    CR0_ET,
    CR0_NE,
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_OSFXSR,
    CR4_OSXMMEXCPT,
    CR4_OSXSAVE,
    CR4_PAE,
    CR4_UMIP,
    EFER_LMA,
    EFER_LME,
    EFER_NXE,
    EFER_SCE,
    RFLAGS_FIXED,
    RFLAGS_IF,
    XCR0_SSE,
    XCR0_X87,
)

TLB_ENTRIES: Final = 1024
TLB_ENTRY_SIZE: Final = 32
JUMP_ENTRIES: Final = 2048
JUMP_ENTRY_SIZE: Final = 16
#: In a TLB tag or a jump entry's rip: matches no address.
NO_TAG: Final = 1 << 62 | 1

#: Model-specific registers that are no more than words.
MSR_WORDS: Final = 96
#: Bytes of a cache line.
LINE: Final = 64
#: Contexts whose translations a core keeps.
BANKS: Final = 16

_TLB_BYTES: Final = ctypes.c_uint8 * (TLB_ENTRIES * TLB_ENTRY_SIZE)
_JUMP_BYTES: Final = ctypes.c_uint8 * (JUMP_ENTRIES * JUMP_ENTRY_SIZE)
_GLOBAL_BYTES: Final = ctypes.c_uint64 * (TLB_ENTRIES // 64)
_GPRS: Final = ctypes.c_uint64 * 16


@layout()
class CpuState(Layout):
    """One core. The first 256 bytes can be operands of micro-ops."""

    rax: Annotated[u64, this_cpu]
    rcx: Annotated[u64, this_cpu]
    rdx: Annotated[u64, this_cpu]
    rbx: Annotated[u64, this_cpu]
    rsp: Annotated[u64, this_cpu]
    rbp: Annotated[u64, this_cpu]
    rsi: Annotated[u64, this_cpu]
    rdi: Annotated[u64, this_cpu]
    r8: Annotated[u64, this_cpu]
    r9: Annotated[u64, this_cpu]
    r10: Annotated[u64, this_cpu]
    r11: Annotated[u64, this_cpu]
    r12: Annotated[u64, this_cpu]
    r13: Annotated[u64, this_cpu]
    r14: Annotated[u64, this_cpu]
    r15: Annotated[u64, this_cpu]
    zero: Annotated[u64, this_cpu]  #: always 0: the absent base or index
    address: Annotated[u64, this_cpu]  #: effective address left by an address micro-op
    rip: Annotated[u64, this_cpu]
    rflags: Annotated[u64, this_cpu]
    flag_kind: Annotated[u64, this_cpu]
    flag_a: Annotated[u64, this_cpu]
    flag_b: Annotated[u64, this_cpu]
    fs_base: Annotated[u64, this_cpu]
    gs_base: Annotated[u64, this_cpu]
    reserved_0x0c8: u64
    cr0: Annotated[u64, this_cpu]
    cr2: Annotated[u64, this_cpu]
    cr3: Annotated[u64, this_cpu]
    cr4: Annotated[u64, this_cpu]
    efer: Annotated[u64, this_cpu]
    cpl: Annotated[u64, this_cpu]

    instructions: Annotated[u64, this_cpu]  #: executed since power-on, exact at every Exit
    deadline_tsc: Annotated[u64, atomic]  #: machine TSC at which run() ends with Interrupt
    core_index: Annotated[u64, this_cpu]
    handlers: Annotated[u64, this_cpu]  #: host address of the table of handlers
    exit_reason: Annotated[u64, this_cpu]  #: EXIT_* of hw.cpu.exits
    exit_vector: Annotated[u64, this_cpu]
    exit_error: Annotated[u64, this_cpu]
    fault: Annotated[u64, this_cpu]  #: not 0: the access just tried has failed, exit_* say why
    budget: Annotated[u64, this_cpu]  #: instructions left in this chunk (signed)
    link_slot: Annotated[u64, this_cpu]  #: host address of the link that wants the next block, or 0
    single: Annotated[u64, this_cpu]  #: one instruction of a private block runs, see hw.cpu.core
    running: Annotated[u64, atomic]  #: 1 while native code runs or a block is published
    seen_generation: Annotated[u64, atomic]  #: HEADER.code_generation that the caches reflect
    seen_epoch: Annotated[u64, this_cpu]  #: arena epoch that the jump cache reflects
    code_frame: Annotated[u64, this_cpu]  #: frame that the last fetch translation gave
    host_mxcsr: Annotated[u64, this_cpu]  #: scratch: MXCSR on its way to or from the host
    windows: Annotated[u64, this_cpu]  #: host address of the first window, 0: only the first bank
    xcr0: Annotated[u64, this_cpu]  #: what XSAVE may save: bit 0 x87, bit 1 vectors
    reserved_0x190: Annotated[Any, ctypes.c_uint8 * 112]
    xmm: Annotated[Any, ctypes.c_uint64 * 32]  #: sixteen registers, low half first
    x87: Annotated[Any, ctypes.c_uint64 * 16]  #: R0 to R7, 80 bits in 16 bytes each
    mxcsr: Annotated[u64, this_cpu]
    fpu_control: Annotated[u64, this_cpu]
    fpu_status: Annotated[u64, this_cpu]  #: bits 11 to 13 are TOP: which register is ST(0)
    fpu_tags: Annotated[u64, this_cpu]  #: bit n: Rn is not empty
    fpu_instruction: Annotated[u64, this_cpu]  #: address of the last x87 instruction
    fpu_data: Annotated[u64, this_cpu]  #: address of its memory operand
    fpu_opcode: Annotated[u64, this_cpu]  #: its opcode, 11 bits
    reserved_0x3b8: Annotated[Any, ctypes.c_uint8 * (0x800 - 0x3B8)]

    # What kernels see: segments as loaded (hw.cpu.segmentation), tables, model-specific registers.
    es_selector: Annotated[u64, this_cpu]
    es_attributes: Annotated[u64, this_cpu]  #: bits 40 to 55 of the descriptor, limit left out
    es_limit: Annotated[u64, this_cpu]  #: in bytes, granularity applied
    es_base: Annotated[u64, this_cpu]
    cs_selector: Annotated[u64, this_cpu]
    cs_attributes: Annotated[u64, this_cpu]
    cs_limit: Annotated[u64, this_cpu]
    cs_base: Annotated[u64, this_cpu]
    ss_selector: Annotated[u64, this_cpu]
    ss_attributes: Annotated[u64, this_cpu]
    ss_limit: Annotated[u64, this_cpu]
    ss_base: Annotated[u64, this_cpu]
    ds_selector: Annotated[u64, this_cpu]
    ds_attributes: Annotated[u64, this_cpu]
    ds_limit: Annotated[u64, this_cpu]
    ds_base: Annotated[u64, this_cpu]
    fs_selector: Annotated[u64, this_cpu]
    fs_attributes: Annotated[u64, this_cpu]
    fs_limit: Annotated[u64, this_cpu]
    reserved_0x898: u64  #: the base is an operand: fs_base
    gs_selector: Annotated[u64, this_cpu]
    gs_attributes: Annotated[u64, this_cpu]
    gs_limit: Annotated[u64, this_cpu]
    reserved_0x8b8: u64
    ldtr_selector: Annotated[u64, this_cpu]
    ldtr_attributes: Annotated[u64, this_cpu]
    ldtr_limit: Annotated[u64, this_cpu]
    ldtr_base: Annotated[u64, this_cpu]
    tr_selector: Annotated[u64, this_cpu]
    tr_attributes: Annotated[u64, this_cpu]
    tr_limit: Annotated[u64, this_cpu]
    tr_base: Annotated[u64, this_cpu]
    gdtr_limit: Annotated[u64, this_cpu]
    gdtr_base: Annotated[u64, this_cpu]
    idtr_limit: Annotated[u64, this_cpu]
    idtr_base: Annotated[u64, this_cpu]
    star: Annotated[u64, this_cpu]
    lstar: Annotated[u64, this_cpu]
    cstar: Annotated[u64, this_cpu]
    sfmask: Annotated[u64, this_cpu]
    kernel_gs_base: Annotated[u64, this_cpu]
    sysenter_cs: Annotated[u64, this_cpu]
    sysenter_esp: Annotated[u64, this_cpu]
    sysenter_eip: Annotated[u64, this_cpu]
    pat: Annotated[u64, this_cpu]
    tsc_aux: Annotated[u64, this_cpu]
    dr: Annotated[Any, ctypes.c_uint64 * 8]  #: DR0 to DR3, DR6 and DR7 at their numbers
    vectors: Annotated[u64, this_cpu]  #: 1: events go through the IDT; 0: they end run()
    mode: Annotated[u64, this_cpu]  #: MODE_* | code segment base << 32: part of a block's key
    walk_rules: Annotated[u64, this_cpu]  #: RULE_* of hw.cpu.walker, from CR0, CR4, EFER, AC
    careful: Annotated[u64, this_cpu]  #: not 0: each instruction is looked at from Python
    shadow: Annotated[u64, this_cpu]  #: 1: the next instruction comes before any interrupt
    held: Annotated[u64, this_cpu]  #: 1: an interrupt waits for IF, TPR or the shadow to allow it
    halted: Annotated[u64, this_cpu]  #: HALTED_* of hw.cpu.halt: nothing has come yet
    nmi_masked: Annotated[u64, this_cpu]  #: 1: an NMI is being served, until IRET
    monitor: Annotated[u64, this_cpu]  #: physical address | 1 of the line that MONITOR armed
    msr_words: Annotated[Any, ctypes.c_uint64 * MSR_WORDS]  #: plain ones, places in hw.cpu.msr
    bank: Annotated[u64, this_cpu]  #: the bank in use
    turn: Annotated[u64, this_cpu]  #: the bank that was given to a new context last
    flushes: Annotated[u64, this_cpu]  #: how often all translations became stale
    jump_flushes: Annotated[u64, this_cpu]  #: how often all that the jump caches know did
    context: Annotated[u64, this_cpu]  #: the context in use
    tsc_offset: Annotated[u64, this_cpu]  #: what this core's TSC is ahead of the machine's
    #: Of each bank: its context, and the counts of what it reflects.
    bank_context: Annotated[Any, ctypes.c_uint64 * BANKS]
    bank_generation: Annotated[Any, ctypes.c_uint64 * BANKS]
    bank_epoch: Annotated[Any, ctypes.c_uint64 * BANKS]
    bank_flushes: Annotated[Any, ctypes.c_uint64 * BANKS]
    bank_jump_flushes: Annotated[Any, ctypes.c_uint64 * BANKS]
    monitor_line: Annotated[Any, ctypes.c_uint8 * LINE]  #: what stood there at MONITOR
    reserved_0xfe8: Annotated[Any, ctypes.c_uint8 * (4096 - 0xFE8)]
    tlb: Annotated[Any, _TLB_BYTES]
    jumps: Annotated[Any, _JUMP_BYTES]
    global_pages: Annotated[Any, _GLOBAL_BYTES]  #: bit n: entry n of the TLB is of a global page
    large_pages: Annotated[u64, this_cpu]  #: bits of an address inside the largest page met
    reserved_0x11088: Annotated[Any, ctypes.c_uint8 * (0x12000 - 0x11088)]

    @property
    def gpr(self) -> Any:
        """The sixteen general registers in encoding order, as an array of integers."""
        return _GPRS.from_buffer(self)


#: Bits of ``CpuState.mode``: what decoding depends on besides the bytes. 0 is 64-bit mode.
MODE_LEGACY: Final = 1 << 0  #: not 64-bit mode: segments have bases and limits
MODE_CODE_32: Final = 1 << 1  #: CS.D
MODE_STACK_32: Final = 1 << 2  #: SS.B
MODE_NO_SSE: Final = 1 << 3  #: CR0.EM, or CR4.OSFXSR clear: SSE raises #UD
MODE_NO_FPU: Final = 1 << 4  #: CR0.TS: SSE, MMX and x87 raise #NM
MODE_FLAGS: Final = 0xFFF

#: Segment registers by encoding, and where their four words stand.
SEGMENT_NAMES: Final = ("es", "cs", "ss", "ds", "fs", "gs")
SEGMENT_OFFSET: Final = CpuState.offset_of("es_selector")
SEGMENT_SIZE: Final = 32

TLB_OFFSET: Final = CpuState.offset_of("tlb")
JUMP_OFFSET: Final = CpuState.offset_of("jumps")

#: The register files, by core index, each with its first bank.
CORES: Final = CORE_BOARD.place_array(CpuState, MAX_CPUS, align=4096)
#: The other banks, and how many bytes one has.
BANK_SIZE: Final = CpuState.SIZE - TLB_OFFSET
_BANKS: Final = CORE_BOARD.reserve(MAX_CPUS * (BANKS - 1) * BANK_SIZE, align=4096)


def bank_address(index: int, bank: int) -> int:
    """Host address of a core's bank, in every process."""
    if bank == 0:
        return ctypes.addressof(CORES[index]) + TLB_OFFSET
    return _BANKS + (index * (BANKS - 1) + bank - 1) * BANK_SIZE


@layout(size=16)
class TscWord(Layout):
    """The machine's clock."""

    start: Annotated[u64, atomic]  #: host TSC when the machine's TSC was 0
    #: Not 0: the machine's TSC itself, set from outside; then ``run`` ends after each chunk.
    virtual: Annotated[u64, atomic]


TSC: Final = CORE_BOARD.place(TscWord)


def jump_cache(index: int) -> dict[int, int]:
    """What a core's jump cache says now: guest addresses and blocks, which may not fit together."""
    place = bank_address(index, CORES[index].bank) + JUMP_OFFSET - TLB_OFFSET
    words = list((ctypes.c_uint64 * (2 * JUMP_ENTRIES)).from_address(place))
    return dict(zip(words[::2], words[1::2], strict=True))


def reset(index: int) -> None:
    """Registers of a core that a kernel starts in long mode, user privilege (exit mode)."""
    state = CORES[index]
    state.core_index = index
    state.tsc_aux = index
    state.vectors = state.mode = state.careful = state.shadow = state.held = state.halted = 0
    state.walk_rules = RULE_NX | RULE_WP
    state.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG
    state.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_UMIP
    state.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE
    state.cpl = 3
    for name, selector, attributes in (("cs", 0x33, 0x20FB), ("ss", 0x2B, 0xC0F3)):
        setattr(state, f"{name}_selector", selector)
        setattr(state, f"{name}_attributes", attributes)
    state.rflags = RFLAGS_FIXED | RFLAGS_IF
    state.deadline_tsc = (1 << 64) - 1
    state.mxcsr = 0x1F80
    state.fpu_control = 0x37F
    state.xcr0 = XCR0_X87 | XCR0_SSE
