"""SSE and SSE2: moves, integer and floating-point vectors, scalars, MXCSR.

Vector registers are sixteen bytes at XMM + 16 n of the register file; a micro-op's ``a`` and ``b``
hold 16 n. Memory operands of sixteen bytes must be aligned, but for the moves that say they need
not. Floating-point exceptions are taken as masked: sticky flags are right, #XM is not raised.

Spec: AMD64 APM vol. 4.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hw.cpu.control import leave_fault
from hw.cpu.flags import set_ready
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import exception, load, load_for_update, store
from hw.cpu.primitives import address_of, get, low, put, u32, u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.sse_names import (
    COMPARES,
    CONVERSIONS,
    FROM_INTEGER,
    MASKS,
    PACKED,
    SCALAR,
    SHIFTS,
    TO_INTEGER,
)
from hw.cpu.state import CpuState
from hw.cpu.vector_primitives import (
    compare_scalars,
    from_integer,
    get128,
    load_host_mxcsr,
    put128,
    store_host_mxcsr,
    to_integer,
    vector,
)
from hw.spec.registers import RFLAGS_CF, RFLAGS_PF, RFLAGS_ZF
from hw.spec.vectors import GENERAL_PROTECTION

XMM: Final = CpuState.offset_of("xmm")
_MXCSR: Final = CpuState.offset_of("mxcsr")
_HOST_MXCSR: Final = CpuState.offset_of("host_mxcsr")
#: All exceptions masked.
_MASKED: Final = 0x1F80
_STICKY: Final = 0x3F
#: Bits that MXCSR has.
MXCSR_MASK: Final = 0xFFFF


def reg(s: CpuState, number: int) -> int:
    """A vector register."""
    return get128(s, XMM + number)


def set_reg(s: CpuState, number: int, value: int) -> None:
    """Write a vector register."""
    put128(s, XMM + number, value)


def load128(s: CpuState, place: int, aligned: bool) -> int:
    """Sixteen bytes of memory."""
    if aligned and place & 15 != 0:
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    lower = load(s, place, 64)
    return wide(lower) | wide(load(s, u64(place + 8), 64)) << 64


def store128(s: CpuState, place: int, value: int, aligned: bool) -> None:
    """Sixteen bytes to memory; both ends are checked before the first is written."""
    if aligned and place & 15 != 0:
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    if place & 0xFFF > 4096 - 16:
        load_for_update(s, place, 64)
        load_for_update(s, u64(place + 8), 64)
    store(s, place, 64, u64(value))
    store(s, u64(place + 8), 64, u64(value >> 64))


def source(s: CpuState, u: MicroOp, form: str, bits: int) -> int:
    """Second operand: a whole register, or ``bits`` of memory."""
    if form == "r":
        return reg(s, u.b)
    if bits == 128:
        return load128(s, address(s, u, form), True)
    return wide(load(s, address(s, u, form), bits))


def mov_rr(s: CpuState, u: MicroOp) -> None:
    """Register to register."""
    set_reg(s, u.a, reg(s, u.b))


def mov_load(s: CpuState, u: MicroOp, aligned: bool, form: str) -> None:
    """Sixteen bytes from memory."""
    set_reg(s, u.a, load128(s, address(s, u, form), aligned))


def mov_store(s: CpuState, u: MicroOp, aligned: bool, form: str) -> None:
    """Sixteen bytes to memory."""
    store128(s, address(s, u, form), reg(s, u.b), aligned)


def low_load(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """MOVSS, MOVSD, MOVD, MOVQ from memory: the rest becomes zero."""
    set_reg(s, u.a, wide(load(s, address(s, u, form), bits)))


def low_store(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """The low element to memory."""
    store(s, address(s, u, form), bits, get(s, XMM + u.b, bits))


def low_merge(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVSS, MOVSD between registers: the rest stays."""
    value = get(s, XMM + u.b, bits)
    mask = (1 << bits) - 1
    set_reg(s, u.a, (reg(s, u.a) & ~wide(mask)) | wide(value))


def low_zero(s: CpuState, u: MicroOp) -> None:
    """MOVQ between registers: the upper half becomes zero."""
    set_reg(s, u.a, wide(get(s, XMM + u.b, 64)))


def from_general(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVD, MOVQ from a general register."""
    set_reg(s, u.a, wide(get(s, u.b, bits)))


def to_general(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVD, MOVQ to a general register."""
    put(s, u.a, bits, get(s, XMM + u.b, bits))


def half_load(s: CpuState, u: MicroOp, half: int) -> None:
    """MOVLPS, MOVHPS and their like: one half from memory."""
    put(s, XMM + u.a + 8 * half, 64, load(s, address(s, u, "m"), 64))


def half_store(s: CpuState, u: MicroOp, half: int) -> None:
    """One half to memory."""
    store(s, address(s, u, "m"), 64, get(s, XMM + u.b + 8 * half, 64))


def half_move(s: CpuState, u: MicroOp, target: int, origin: int) -> None:
    """MOVHLPS, MOVLHPS."""
    put(s, XMM + u.a + 8 * target, 64, get(s, XMM + u.b + 8 * origin, 64))


def operate(s: CpuState, u: MicroOp, name: str, form: str, bits: int) -> None:
    """A host instruction on two operands."""
    value = source(s, u, form, bits)
    set_reg(s, u.a, vector(name, reg(s, u.a), value))


def shift_immediate(s: CpuState, u: MicroOp, name: str) -> None:
    """Shift elements by an immediate."""
    set_reg(s, u.a, vector(name, reg(s, u.a), wide(u.imm)))


def shift_bytes(s: CpuState, u: MicroOp, left: bool) -> None:
    """PSLLDQ, PSRLDQ; the decoder turns counts above 15 into clearing."""
    bits = wide(u.imm * 8)
    value = reg(s, u.a)
    set_reg(s, u.a, _cut128(value << bits) if left else value >> bits)


def _cut128(value: int) -> int:
    return wide(u64(value)) | wide(u64(value >> 64)) << 64


def clear(s: CpuState, u: MicroOp) -> None:
    """All bits zero."""
    set_reg(s, u.a, wide(0))


def _pick(value: int, bits: int, number: int) -> int:
    """Element ``number`` of a 128-bit value."""
    return low(u64(value >> wide(number * bits)), bits)


def _four(value: int, other: int, order: int) -> int:
    """Two elements picked from one value, two from another, by an order byte."""
    first = wide(_pick(value, 32, order & 3)) | wide(_pick(value, 32, order >> 2 & 3)) << 32
    third = wide(_pick(other, 32, order >> 4 & 3)) | wide(_pick(other, 32, order >> 6 & 3)) << 32
    return first | third << 64


def shuffle32(s: CpuState, u: MicroOp, form: str) -> None:
    """PSHUFD."""
    value = source(s, u, form, 128)
    set_reg(s, u.a, _four(value, value, u.imm))


def shufps(s: CpuState, u: MicroOp, form: str) -> None:
    """SHUFPS: two elements of each."""
    value = source(s, u, form, 128)
    set_reg(s, u.a, _four(reg(s, u.a), value, u.imm))


def shufpd(s: CpuState, u: MicroOp, form: str) -> None:
    """SHUFPD: one element of each."""
    value = source(s, u, form, 128)
    first = _pick(reg(s, u.a), 64, u.imm & 1)
    set_reg(s, u.a, wide(first) | wide(_pick(value, 64, u.imm >> 1 & 1)) << 64)


def shuffle16(s: CpuState, u: MicroOp, form: str, high: bool) -> None:
    """PSHUFLW, PSHUFHW: four words of one half."""
    value = source(s, u, form, 128)
    half = value >> 64 if high else value
    order = u.imm
    words = _pick(half, 16, order & 3) | _pick(half, 16, order >> 2 & 3) << 16
    words |= _pick(half, 16, order >> 4 & 3) << 32 | _pick(half, 16, order >> 6 & 3) << 48
    if high:
        set_reg(s, u.a, wide(u64(value)) | wide(words) << 64)
    else:
        set_reg(s, u.a, wide(words) | wide(u64(value >> 64)) << 64)


def insert_word(s: CpuState, u: MicroOp, form: str) -> None:
    """PINSRW: ``imm`` is the byte offset of the word."""
    value = get(s, u.b, 16) if form == "r" else load(s, address(s, u, form), 16)
    put(s, XMM + u.a + u.imm, 16, value)


def extract_word(s: CpuState, u: MicroOp) -> None:
    """PEXTRW: ``imm`` is the byte offset of the word."""
    put(s, u.a, 64, get(s, XMM + u.b + u.imm, 16))


def mask(s: CpuState, u: MicroOp, name: str) -> None:
    """PMOVMSKB, MOVMSKPS, MOVMSKPD: signs of the elements."""
    put(s, u.a, 64, to_integer(name, reg(s, u.b), 32))


def integer_to_scalar(s: CpuState, u: MicroOp, name: str, bits: int, form: str) -> None:
    """CVTSI2SS, CVTSI2SD."""
    value = get(s, u.b, bits) if form == "r" else load(s, address(s, u, form), bits)
    set_reg(s, u.a, from_integer(name, reg(s, u.a), value, bits))


def scalar_to_integer(s: CpuState, u: MicroOp, name: str, bits: int, form: str, size: int) -> None:
    """CVTSS2SI, CVTTSD2SI and their like."""
    put(s, u.a, bits, to_integer(name, source(s, u, form, size), bits))


def compare(s: CpuState, u: MicroOp, name: str, form: str, size: int) -> None:
    """COMISS, UCOMISD and their like."""
    value = source(s, u, form, size)
    zero, parity, carry = compare_scalars(name, reg(s, u.a), value)
    zf = RFLAGS_ZF if zero else 0
    set_ready(s, zf | (RFLAGS_PF if parity else 0) | (RFLAGS_CF if carry else 0))


def enter_mxcsr(s: CpuState) -> None:
    """Make the host compute under the guest's MXCSR, exceptions masked."""
    s.host_mxcsr = u32(s.mxcsr) | _MASKED
    load_host_mxcsr(address_of(s) + _HOST_MXCSR)


def leave_mxcsr(s: CpuState) -> None:
    """Collect sticky flags and give the host its own MXCSR back."""
    collect_mxcsr(s)
    s.host_mxcsr = _MASKED
    load_host_mxcsr(address_of(s) + _HOST_MXCSR)


def collect_mxcsr(s: CpuState) -> None:
    """Add the sticky flags of the host to the guest's MXCSR."""
    store_host_mxcsr(address_of(s) + _HOST_MXCSR)
    s.mxcsr = s.mxcsr | (s.host_mxcsr & _STICKY)


def check_mxcsr(s: CpuState, value: int) -> None:
    """#GP for a reserved bit."""
    if value & ~MXCSR_MASK != 0:
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()


def ldmxcsr(s: CpuState, u: MicroOp) -> None:
    """LDMXCSR."""
    value = load(s, address(s, u, "m"), 32)
    check_mxcsr(s, value)
    s.mxcsr = value
    enter_mxcsr(s)


def stmxcsr(s: CpuState, u: MicroOp) -> None:
    """STMXCSR."""
    collect_mxcsr(s)
    store(s, address(s, u, "m"), 32, s.mxcsr)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("xmm_mov_rr", mov_rr)
    yield Handler("xmm_clear", clear)
    for form in "mx":
        for aligned, name in ((True, "a"), (False, "u")):
            yield Handler(f"xmm_mov{name}_r{form}", mov_load, (aligned, form))
            yield Handler(f"xmm_mov{name}_{form}r", mov_store, (aligned, form))
        for bits in (32, 64):
            yield Handler(f"xmm_low{bits}_r{form}", low_load, (bits, form))
            yield Handler(f"xmm_low{bits}_{form}r", low_store, (bits, form))
    yield Handler("xmm_low_zero", low_zero)
    for bits in (32, 64):
        yield Handler(f"xmm_merge{bits}", low_merge, (bits,))
        yield Handler(f"xmm_from{bits}", from_general, (bits,))
        yield Handler(f"xmm_to{bits}", to_general, (bits,))
    for half in (0, 1):
        yield Handler(f"xmm_half{half}_rm", half_load, (half,))
        yield Handler(f"xmm_half{half}_mr", half_store, (half,))
        yield Handler(f"xmm_half{half}_rr", half_move, (half, 1 - half))
    for left in (True, False):
        yield Handler("pslldq" if left else "psrldq", shift_bytes, (left,))
    yield Handler("ldmxcsr", ldmxcsr)
    yield Handler("stmxcsr", stmxcsr)
    yield from _arithmetic()
    yield from _shuffles()


def _arithmetic() -> Iterator[Handler]:
    yield from _operations()
    for base in ("cvtsi2ss", "cvtsi2sd"):
        for bits in FROM_INTEGER:
            host = base + ("l" if bits == 32 else "q")
            for form in "rm":
                yield Handler(f"{base}{bits}_r{form}", integer_to_scalar, (host, bits, form))
    for name, size in TO_INTEGER.items():
        for bits in (32, 64):
            for form in "rm":
                constants = (name, bits, form, size)
                yield Handler(f"{name}{bits}_r{form}", scalar_to_integer, constants)
    for name in MASKS:
        yield Handler(name, mask, (name,))


def _operations() -> Iterator[Handler]:
    sizes: dict[str, int] = {**dict.fromkeys(PACKED, 128), **SCALAR, **CONVERSIONS}
    for name, bits in sizes.items():
        for form in "rm":
            yield Handler(f"{name}_r{form}", operate, (name, form, bits))
    for name in SHIFTS:
        yield Handler(f"{name}_ri", shift_immediate, (name,))
    for name, bits in COMPARES.items():
        for form in "rm":
            yield Handler(f"{name}_r{form}", compare, (name, form, bits))


def _shuffles() -> Iterator[Handler]:
    plain: dict[str, Callable[..., Any]] = {"pshufd": shuffle32, "shufps": shufps, "shufpd": shufpd}
    for form in "rm":
        for name, shuffle in plain.items():
            yield Handler(f"{name}_r{form}", shuffle, (form,))
        yield Handler(f"pshuflw_r{form}", shuffle16, (form, False))
        yield Handler(f"pshufhw_r{form}", shuffle16, (form, True))
        yield Handler(f"pinsrw_r{form}", insert_word, (form,))
    yield Handler("pextrw", extract_word)
