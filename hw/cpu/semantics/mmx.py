"""MMX, with the forms that SSE, SSE2 and SSSE3 added to it.

MM0 to MM7 are the significands of R0 to R7. A micro-op's ``a`` and ``b`` hold 16 n. Every
instruction but EMMS makes TOP 0 and all registers valid; a register written gets an exponent of
ones. The arithmetic is that of the SSE instruction of the same name on the low half of a register.

Spec: AMD64 APM vol. 1, 5.4; vol. 5.
State: the x87 and vector fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, store
from hw.cpu.primitives import low, u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.mmx_names import (
    FROM_MMX,
    JOINED,
    PLAIN,
    SHIFTS,
    TO_MMX,
    UNPACK_HIGH,
    UNPACK_LOW,
)
from hw.cpu.semantics.sse import load128, reg, set_reg
from hw.cpu.semantics.sse_float import end_if_raised
from hw.cpu.semantics.x87_control import probe_write
from hw.cpu.semantics.x87_stack import TOP_MASK, X87
from hw.cpu.semantics.x87_stack import begin as begin_x87
from hw.cpu.state import CpuState
from hw.cpu.vector_primitives import to_integer, vector
from hw.spec.registers import CR0_EM
from hw.spec.vectors import INVALID_OPCODE

_ONES: Final = 0xFFFF
#: PSHUFB looks at three bits of an index here, at four in a vector register.
_INDEX_BITS: Final = 0x8787_8787_8787_8787


def mm(s: CpuState, number: int) -> int:
    """An MMX register."""
    return get(s, X87 + number, 64)


def begin(s: CpuState) -> None:
    """Start an instruction: #UD where x87 is emulated, else as x87 does."""
    if s.cr0 & CR0_EM != 0:
        exception(s, INVALID_OPCODE, 0)
        leave_fault()
    begin_x87(s)


def enter_mmx(s: CpuState) -> None:
    """The state after any MMX instruction but EMMS: TOP is 0, nothing is empty."""
    s.fpu_status = s.fpu_status & ~TOP_MASK
    s.fpu_tags = 0xFF


def set_mm(s: CpuState, number: int, value: int) -> None:
    """Write an MMX register."""
    enter_mmx(s)
    put(s, X87 + number, 64, value)
    put(s, X87 + number + 8, 64, _ONES)


def source(s: CpuState, u: MicroOp, form: str, bits: int) -> int:
    """Second operand: a register, or ``bits`` of memory."""
    return mm(s, u.b) if form == "r" else load(s, address(s, u, form), bits)


def operate(s: CpuState, u: MicroOp, name: str, form: str) -> None:
    """The low half of an SSE operation."""
    begin(s)
    value = source(s, u, form, 64)
    set_mm(s, u.a, u64(vector(name, wide(mm(s, u.a)), wide(value))))


def operate_joined(s: CpuState, u: MicroOp, name: str, form: str) -> None:
    """An SSE operation whose two operands give a half of the result each."""
    begin(s)
    value = source(s, u, form, 64)
    both = wide(mm(s, u.a)) | wide(value) << 64
    set_mm(s, u.a, u64(vector(name, both, both)))


def unpack(s: CpuState, u: MicroOp, name: str, form: str, high: bool) -> None:
    """PUNPCKL, PUNPCKH: ``name`` is the SSE instruction that interleaves low halves."""
    begin(s)
    value = source(s, u, form, 64 if high else 32)
    both = vector(name, wide(mm(s, u.a)), wide(value))
    set_mm(s, u.a, u64(both >> 64) if high else u64(both))


def shift_immediate(s: CpuState, u: MicroOp, name: str) -> None:
    """Shift elements by an immediate."""
    begin(s)
    set_mm(s, u.a, u64(vector(name, wide(mm(s, u.a)), wide(u.imm))))


def shuffle_bytes(s: CpuState, u: MicroOp, form: str) -> None:
    """PSHUFB."""
    begin(s)
    order = source(s, u, form, 64) & _INDEX_BITS
    set_mm(s, u.a, u64(vector("pshufb", wide(mm(s, u.a)), wide(order))))


def align(s: CpuState, u: MicroOp, form: str) -> None:
    """PALIGNR: eight bytes of the pair, from byte ``imm`` on."""
    begin(s)
    value = source(s, u, form, 64)
    both = wide(mm(s, u.a)) << 64 | value
    count = u.imm if u.imm < 16 else 0
    set_mm(s, u.a, u64(both >> count * 8) if u.imm < 16 else 0)


def shuffle_words(s: CpuState, u: MicroOp, form: str) -> None:
    """PSHUFW."""
    begin(s)
    value = source(s, u, form, 64)
    order = u.imm
    words = low(value >> (order & 3) * 16, 16) | low(value >> (order >> 2 & 3) * 16, 16) << 16
    words |= low(value >> (order >> 4 & 3) * 16, 16) << 32
    set_mm(s, u.a, words | low(value >> (order >> 6 & 3) * 16, 16) << 48)


def move(s: CpuState, u: MicroOp) -> None:
    """MOVQ between registers."""
    begin(s)
    set_mm(s, u.a, mm(s, u.b))


def move_load(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """MOVD, MOVQ from memory."""
    begin(s)
    set_mm(s, u.a, load(s, address(s, u, form), bits))


def move_store(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """MOVD, MOVQ, MOVNTQ to memory."""
    begin(s)
    store(s, address(s, u, form), bits, low(mm(s, u.b), bits))
    enter_mmx(s)


def from_general(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVD, MOVQ from a general register."""
    begin(s)
    set_mm(s, u.a, get(s, u.b, bits))


def to_general(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVD, MOVQ to a general register."""
    begin(s)
    put(s, u.a, bits, low(mm(s, u.b), bits))
    enter_mmx(s)


def insert_word(s: CpuState, u: MicroOp, form: str) -> None:
    """PINSRW: ``imm`` is the number of the word."""
    begin(s)
    word = get(s, u.b, 16) if form == "r" else load(s, address(s, u, form), 16)
    place = u.imm * 16
    set_mm(s, u.a, (mm(s, u.a) & ~(0xFFFF << place)) | word << place)


def extract_word(s: CpuState, u: MicroOp) -> None:
    """PEXTRW: ``imm`` is the number of the word."""
    begin(s)
    put(s, u.a, 64, low(mm(s, u.b) >> u.imm * 16, 16))
    enter_mmx(s)


def mask(s: CpuState, u: MicroOp) -> None:
    """PMOVMSKB."""
    begin(s)
    put(s, u.a, 64, to_integer("pmovmskb", wide(mm(s, u.b)), 32))
    enter_mmx(s)


def masked_store(s: CpuState, u: MicroOp) -> None:
    """MASKMOVQ: bytes of ``a`` where ``b`` has its sign set, to [rdi]; ``disp`` masks the address.

    All of the eight bytes must be writable.
    """
    begin(s)
    place = u64((s.rdi & u.disp) + get(s, u.base, 64))
    probe_write(s, place, 8)
    at = 0
    while at < 8:
        if mm(s, u.b) >> (at * 8 + 7) & 1 != 0:
            store(s, u64(place + at), 8, low(mm(s, u.a) >> at * 8, 8))
        at += 1
    enter_mmx(s)


def to_vector(s: CpuState, u: MicroOp) -> None:
    """MOVQ2DQ."""
    begin(s)
    set_reg(s, u.a, wide(mm(s, u.b)))
    enter_mmx(s)


def from_vector(s: CpuState, u: MicroOp) -> None:
    """MOVDQ2Q."""
    begin(s)
    set_mm(s, u.a, u64(reg(s, u.b)))


def convert_to_vector(s: CpuState, u: MicroOp, name: str, bits: int, form: str) -> None:
    """CVTPI2PS (the high half stays), CVTPI2PD; from memory they leave the x87 state alone."""
    if form == "r":
        begin(s)
    value = source(s, u, form, 64)
    if form == "r":
        enter_mmx(s)
    result = vector(name, reg(s, u.a), wide(value))
    end_if_raised(s, wide(0), 0)
    if bits == 64:
        result = wide(u64(reg(s, u.a) >> 64)) << 64 | u64(result)
    set_reg(s, u.a, result)


def convert_from_vector(s: CpuState, u: MicroOp, name: str, bits: int, form: str) -> None:
    """CVTPS2PI, CVTPD2PI and their truncating forms."""
    begin(s)
    if form == "r":
        value = reg(s, u.b) if bits == 128 else wide(u64(reg(s, u.b)))
    elif bits == 128:
        value = load128(s, address(s, u, form), True)
    else:
        value = wide(load(s, address(s, u, form), 64))
    enter_mmx(s)
    result = vector(name, value, value)
    end_if_raised(s, wide(0), 0)
    set_mm(s, u.a, u64(result))


def emms(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """EMMS: all registers are empty."""
    begin(s)
    enter_mmx(s)
    s.fpu_tags = 0


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("emms", emms)
    for form in "rm":
        for name in (*PLAIN, *SHIFTS):
            yield Handler(f"mm_{name}_r{form}", operate, (name, form))
        for name in JOINED:
            yield Handler(f"mm_{name}_r{form}", operate_joined, (name, form))
        for low_name, high_name in zip(UNPACK_LOW, UNPACK_HIGH, strict=True):
            yield Handler(f"mm_{low_name}_r{form}", unpack, (low_name, form, False))
            yield Handler(f"mm_{high_name}_r{form}", unpack, (low_name, form, True))
        yield Handler(f"mm_pshufb_r{form}", shuffle_bytes, (form,))
        yield Handler(f"mm_pshufw_r{form}", shuffle_words, (form,))
        yield Handler(f"mm_palignr_r{form}", align, (form,))
        yield Handler(f"mm_pinsrw_r{form}", insert_word, (form,))
        for name, (operation, bits) in FROM_MMX.items():
            yield Handler(f"mm_{name}_r{form}", convert_to_vector, (operation, bits, form))
        for name, (operation, bits) in TO_MMX.items():
            yield Handler(f"mm_{name}_r{form}", convert_from_vector, (operation, bits, form))
    for name in SHIFTS:
        yield Handler(f"mm_{name}_ri", shift_immediate, (name,))
    yield from _moves()


def _moves() -> Iterator[Handler]:
    yield Handler("mm_mov_rr", move)
    for bits in (32, 64):
        for form in "mx":
            yield Handler(f"mm_mov{bits}_r{form}", move_load, (bits, form))
            yield Handler(f"mm_mov{bits}_{form}r", move_store, (bits, form))
        yield Handler(f"mm_from{bits}", from_general, (bits,))
        yield Handler(f"mm_to{bits}", to_general, (bits,))
    yield Handler("mm_pextrw", extract_word)
    yield Handler("mm_pmovmskb", mask)
    yield Handler("maskmovq", masked_store)
    yield Handler("movq2dq", to_vector)
    yield Handler("movdq2q", from_vector)
