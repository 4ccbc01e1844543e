"""SSE floating point: arithmetic, comparison, conversion, rounding, dot products, #XM.

The host computes with all exceptions masked. Where the guest has masked them all too, that is the
whole story. Otherwise the host's sticky flags are read after each operation, which they were clear
before, and an unmasked one ends the instruction with #XM: the target stays, the sticky flags tell
what was found. Two rules are not in the host's flags: an unmasked exception of the operands
(invalid, denormal, zero divide) hides those of the result, and an unmasked underflow is raised for
a tiny result even if it is exact.

Spec: AMD64 APM vol. 1, 4.10; vol. 2, 8.2.20.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.flags import set_ready
from hw.cpu.memory_primitives import address_of, get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import likely, low, u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.sse import (
    HOST_MXCSR,
    MASKS,
    STICKY,
    chosen_elements,
    enter_mxcsr,
    reg,
    set_reg,
    source,
)
from hw.cpu.semantics.sse_names import (
    COMPARES,
    FLOATS,
    FROM_INTEGER,
    ROUND_IMMEDIATES,
    ROUNDS,
    TINY,
    TO_INTEGER,
    with_immediate,
)
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.cpu.vector_primitives import (
    compare_scalars,
    from_integer,
    store_host_mxcsr,
    to_integer,
    vector,
)
from hw.spec.registers import CR4_OSXMMEXCPT, RFLAGS_CF, RFLAGS_PF, RFLAGS_ZF
from hw.spec.vectors import INVALID_OPCODE, SIMD

#: Sticky flags of the operands, and of a tiny result.
_OF_OPERANDS: Final = 7
_UNDERFLOW: Final = 1 << 4
_MULTIPLY: Final = {32: "mulps", 64: "mulpd"}
_SWAP_NEIGHBOURS: Final = with_immediate("pshufd", 0xB1)
_SWAP_HALVES: Final = with_immediate("pshufd", 0x4E)


def end_if_raised(s: CpuState, result: int, bits: int) -> None:
    """End the instruction with #XM (#UD without CR4.OSXMMEXCPT) if it raised an unmasked exception.

    ``bits`` is the size of the result's elements where they can be tiny, else 0.
    """
    if likely(s.mxcsr & MASKS == MASKS):
        return
    if raised(s, u64(result), u64(result >> 64), bits):
        leave_fault()


@noinline
def raised(s: CpuState, lower: int, upper: int, bits: int) -> bool:
    """Move the host's sticky flags to the guest's; whether one of them is unmasked: #XM."""
    store_host_mxcsr(address_of(s) + HOST_MXCSR)
    unmasked = ~(s.mxcsr >> 7) & STICKY
    found = s.host_mxcsr & STICKY
    if unmasked & _UNDERFLOW != 0 and (_tiny(lower, bits) or _tiny(upper, bits)):
        found = found | _UNDERFLOW
    if found & unmasked & _OF_OPERANDS != 0:
        found = found & _OF_OPERANDS
    s.mxcsr = s.mxcsr | found
    enter_mxcsr(s)
    if found & unmasked == 0:
        return False
    exception(s, SIMD if s.cr4 & CR4_OSXMMEXCPT != 0 else INVALID_OPCODE, 0)
    return True


def _tiny(half: int, bits: int) -> bool:
    """Whether an element of half a register is too small for a normal number, and not zero."""
    if bits == 64:
        return u64(half << 1) != 0 and half >> 52 & 0x7FF == 0
    lower = half & 0x7FFF_FFFF
    upper = half >> 32 & 0x7FFF_FFFF
    tiny = (lower != 0 and lower < 0x80_0000) or (upper != 0 and upper < 0x80_0000)
    return bits == 32 and tiny


def operate_float(s: CpuState, u: MicroOp, name: str, form: str, size: int, tiny: int) -> None:
    """A host instruction on two operands; ``tiny``: the part of the result that can be tiny."""
    value = source(s, u, form, size)
    result = vector(name, reg(s, u.a), value)
    is_scalar = size != 128 and tiny != 0
    end_if_raised(s, wide(low(u64(result), tiny)) if is_scalar else result, tiny)
    set_reg(s, u.a, result)


def compare(s: CpuState, u: MicroOp, name: str, form: str, size: int) -> None:
    """COMISS, UCOMISD and their like."""
    value = source(s, u, form, size)
    zero, parity, carry = compare_scalars(name, reg(s, u.a), value)
    end_if_raised(s, wide(0), 0)
    zf = RFLAGS_ZF if zero else 0
    set_ready(s, zf | (RFLAGS_PF if parity else 0) | (RFLAGS_CF if carry else 0))


def integer_to_scalar(s: CpuState, u: MicroOp, name: str, bits: int, form: str) -> None:
    """CVTSI2SS, CVTSI2SD."""
    value = get(s, u.b, bits) if form == "r" else load(s, address(s, u, form), bits)
    result = from_integer(name, reg(s, u.a), value, bits)
    end_if_raised(s, wide(0), 0)
    set_reg(s, u.a, result)


def scalar_to_integer(s: CpuState, u: MicroOp, name: str, bits: int, form: str, size: int) -> None:
    """CVTSS2SI, CVTTSD2SI and their like."""
    result = to_integer(name, source(s, u, form, size), bits)
    end_if_raised(s, wide(0), 0)
    put(s, u.a, bits, result)


def dot_product(s: CpuState, u: MicroOp, form: str, bits: int) -> None:
    """DPPS, DPPD: products of the elements chosen by imm 7-4, their sum to those of imm 3-0.

    Each step is checked for exceptions by itself, as the manual says. Which of several NaNs comes
    out follows from the order of the operands here, which is Intel's.
    """
    value = source(s, u, form, 128)
    chosen = chosen_elements(u.imm >> 4, bits)
    total = vector(_MULTIPLY[bits], reg(s, u.a) & chosen, value & chosen)
    end_if_raised(s, total, bits)
    if bits == 64:
        total = vector("addpd", total, vector(_SWAP_HALVES, total, total))
    else:
        total = vector("addps", vector(_SWAP_NEIGHBOURS, total, total), total)
        end_if_raised(s, total, bits)
        total = vector("addps", total, vector(_SWAP_HALVES, total, total))
    end_if_raised(s, total, bits)
    set_reg(s, u.a, total & chosen_elements(u.imm, bits))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for form in "rm":
        for name, size in FLOATS.items():
            constants = (name, form, size, TINY.get(name, 0))
            yield Handler(f"{name}_r{form}", operate_float, constants)
        for name, size in COMPARES.items():
            yield Handler(f"{name}_r{form}", compare, (name, form, size))
        for base in ("cvtsi2ss", "cvtsi2sd"):
            for bits in FROM_INTEGER:
                host = base + ("l" if bits == 32 else "q")
                yield Handler(f"{base}{bits}_r{form}", integer_to_scalar, (host, bits, form))
        for name, size in TO_INTEGER.items():
            for bits in (32, 64):
                name_of = f"{name}{bits}_r{form}"
                yield Handler(name_of, scalar_to_integer, (name, bits, form, size))


def rounds() -> Iterator[Handler]:
    """The handlers of SSE4.1's floating point (hw.cpu.semantics.sse4)."""
    for form in "rm":
        for name, size in ROUNDS.items():
            for value in ROUND_IMMEDIATES:
                constants = (with_immediate(name, value), form, size, 0)
                yield Handler(f"{name}{value}_r{form}", operate_float, constants)
        for bits in (32, 64):
            name = "dpps" if bits == 32 else "dppd"
            yield Handler(f"{name}_r{form}", dot_product, (form, bits))
