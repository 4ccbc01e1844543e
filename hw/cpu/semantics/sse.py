"""Vector registers: moves between them, memory and general registers; MXCSR.

Vector registers are sixteen bytes at XMM + 16 n of the register file; a micro-op's ``a`` and ``b``
hold 16 n. Memory operands of sixteen bytes must be aligned, but for the moves that say they need
not.

While native code runs the host computes under the guest's rounding and flushing, with all
exceptions masked and no sticky flag set; so the host's sticky flags are those raised since
(hw.cpu.semantics.sse_float makes #XM of them).

Spec: AMD64 APM vol. 4.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.memory_primitives import address_of, get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_wide, store, store_wide
from hw.cpu.primitives import likely, lookup, low, u32, u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.state import CpuState
from hw.cpu.vector_primitives import get128, load_host_mxcsr, put128, store_host_mxcsr, vector
from hw.spec.vectors import GENERAL_PROTECTION

XMM: Final = CpuState.offset_of("xmm")
HOST_MXCSR: Final = CpuState.offset_of("host_mxcsr")
#: MXCSR: masks of all exceptions, their sticky flags, the underflow mask, flush to zero.
MASKS: Final = 0x1F80
STICKY: Final = 0x3F
_UNDERFLOW_MASK: Final = 1 << 11
_FLUSH: Final = 1 << 15
#: Host instructions that replace the low and the high half of a register.
_MERGE: Final = ("movsd", "movlhps")
#: Bits that MXCSR has.
MXCSR_MASK: Final = 0xFFFF


def reg(s: CpuState, number: int) -> int:
    """A vector register."""
    return get128(s, XMM + number)


def set_reg(s: CpuState, number: int, value: int) -> None:
    """Write a vector register."""
    put128(s, XMM + number, value)


def set_half(s: CpuState, number: int, half: int, value: int) -> None:
    """Write half of a vector register.

    All of it is stored, by an instruction of the host, or LLVM would store the half alone: a
    processor makes a load wait that needs the bytes of two stores.
    """
    set_reg(s, number, vector(_MERGE[half], reg(s, number), wide(value)))


def load128(s: CpuState, place: int, aligned: bool) -> int:
    """Sixteen bytes of memory."""
    if aligned and not likely(place & 15 == 0):
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    return load_wide(s, place)


def store128(s: CpuState, place: int, value: int, aligned: bool) -> None:
    """Sixteen bytes to memory; both ends are checked before the first is written."""
    if aligned and not likely(place & 15 == 0):
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    store_wide(s, place, value)


def source(s: CpuState, u: MicroOp, form: str, bits: int) -> int:
    """Second operand: a whole register, or ``bits`` of memory."""
    if form == "r":
        return reg(s, u.b)
    if bits == 128:
        return load128(s, address(s, u, form), True)
    return wide(load(s, address(s, u, form), bits))


def element(value: int, bits: int, number: int) -> int:
    """Element ``number`` of a 128-bit value."""
    return low(u64(value >> wide(number * bits)), bits)


def _masks(bits: int) -> tuple[int, ...]:
    """Half a register with all ones in the elements of a number's bits, for each number."""
    count = 64 // bits
    ones = (1 << bits) - 1
    return tuple(
        sum(ones << bits * k for k in range(count) if number >> k & 1)
        for number in range(1 << count)
    )


_MASKS: Final = {bits: _masks(bits) for bits in (16, 32, 64)}


def chosen_elements(chosen: int, bits: int) -> int:
    """All ones in the elements whose bits are set."""
    count = 64 // bits
    lower = lookup(_MASKS[bits], chosen & ((1 << count) - 1))
    upper = lookup(_MASKS[bits], chosen >> count & ((1 << count) - 1))
    return wide(lower) | wide(upper) << 64


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
    set_half(s, u.a, half, load(s, address(s, u, "m"), 64))


def half_store(s: CpuState, u: MicroOp, half: int) -> None:
    """One half to memory."""
    store(s, address(s, u, "m"), 64, get(s, XMM + u.b + 8 * half, 64))


def half_move(s: CpuState, u: MicroOp, target: int, origin: int) -> None:
    """MOVHLPS, MOVLHPS."""
    set_half(s, u.a, target, get(s, XMM + u.b + 8 * origin, 64))


def enter_mxcsr(s: CpuState) -> None:
    """Make the host compute under the guest's MXCSR, exceptions masked, sticky flags clear.

    An unmasked underflow is never flushed to zero.
    """
    control = u32(s.mxcsr) & ~STICKY | MASKS
    s.host_mxcsr = control & ~_FLUSH if s.mxcsr & _UNDERFLOW_MASK == 0 else control
    load_host_mxcsr(address_of(s) + HOST_MXCSR)


def leave_mxcsr(s: CpuState) -> None:
    """Collect sticky flags and give the host its own MXCSR back."""
    collect_mxcsr(s)
    s.host_mxcsr = MASKS
    load_host_mxcsr(address_of(s) + HOST_MXCSR)


def collect_mxcsr(s: CpuState) -> None:
    """Add the sticky flags of the host to the guest's MXCSR."""
    store_host_mxcsr(address_of(s) + HOST_MXCSR)
    s.mxcsr = s.mxcsr | (s.host_mxcsr & STICKY)


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
    yield Handler("ldmxcsr", ldmxcsr)
    yield Handler("stmxcsr", stmxcsr)
