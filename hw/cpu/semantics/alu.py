"""Addition, subtraction and logic.

Spec: AMD64 APM vol. 3, ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NEG NOT.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hw.cpu.flags import add_flags, carry_now, set_add, set_compare, set_logic, set_ready, sub_flags
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import low, u64
from hw.cpu.semantics.handler import SIZES, Handler, address
from hw.cpu.state import CpuState
from hw.spec.registers import RFLAGS_CF

# An operation: (state, left, right, bits, flags wanted) -> result.
Operation = Callable[[CpuState, int, int, int, bool], int]


def add(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a + b."""
    if flags:
        set_add(s, a, b, bits)
    return low(u64(a + b), bits)


def sub(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a - b."""
    if flags:
        set_compare(s, a, b, bits)
    return low(u64(a - b), bits)


def and_(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a & b."""
    result = a & low(b, bits)
    if flags:
        set_logic(s, result, bits)
    return result


def or_(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a | b."""
    result = a | low(b, bits)
    if flags:
        set_logic(s, result, bits)
    return result


def xor(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a ^ b."""
    result = a ^ low(b, bits)
    if flags:
        set_logic(s, result, bits)
    return result


def adc(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a + b + CF."""
    result = low(u64(a + b + carry_now(s)), bits)
    if flags:
        set_ready(s, add_flags(a, low(b, bits), result, bits))
    return result


def sbb(s: CpuState, a: int, b: int, bits: int, flags: bool) -> int:
    """a - b - CF."""
    result = low(u64(a - b - carry_now(s)), bits)
    if flags:
        set_ready(s, sub_flags(a, low(b, bits), result, bits))
    return result


def inc(s: CpuState, a: int, bits: int, flags: bool) -> int:
    """a + 1; CF stays."""
    result = low(u64(a + 1), bits)
    if flags:
        carry = carry_now(s)
        set_ready(s, (add_flags(a, 1, result, bits) & ~RFLAGS_CF) | carry)
    return result


def dec(s: CpuState, a: int, bits: int, flags: bool) -> int:
    """a - 1; CF stays."""
    result = low(u64(a - 1), bits)
    if flags:
        carry = carry_now(s)
        set_ready(s, (sub_flags(a, 1, result, bits) & ~RFLAGS_CF) | carry)
    return result


def neg(s: CpuState, a: int, bits: int, flags: bool) -> int:
    """0 - a."""
    if flags:
        set_compare(s, 0, a, bits)
    return low(u64(0 - a), bits)


def not_(s: CpuState, a: int, bits: int, flags: bool) -> int:  # noqa: ARG001
    """~a; no flags."""
    return low(~a, bits)


def binary_rr(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool) -> None:
    """Register, register."""
    put(s, u.a, bits, op(s, get(s, u.a, bits), get(s, u.b, bits), bits, flags))


def binary_ri(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool) -> None:
    """Register, immediate (sign-extended to 64 bits, cut to size)."""
    put(s, u.a, bits, op(s, get(s, u.a, bits), low(u.imm, bits), bits, flags))


def binary_rm(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool, form: str) -> None:
    """Register, memory."""
    value = load(s, address(s, u, form), bits)
    put(s, u.a, bits, op(s, get(s, u.a, bits), value, bits, flags))


def binary_mr(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool, form: str) -> None:
    """Memory, register."""
    place = address(s, u, form)
    old = load_for_update(s, place, bits)
    store(s, place, bits, op(s, old, get(s, u.b, bits), bits, flags))


def binary_mi(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool, form: str) -> None:
    """Memory, immediate."""
    place = address(s, u, form)
    old = load_for_update(s, place, bits)
    store(s, place, bits, op(s, old, low(u.imm, bits), bits, flags))


def unary_r(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, flags: bool) -> None:
    """One register."""
    put(s, u.a, bits, op(s, get(s, u.a, bits), bits, flags))


def unary_m(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, flags: bool) -> None:
    """One memory operand."""
    place = address(s, u, "m")
    old = load_for_update(s, place, bits)
    store(s, place, bits, op(s, old, bits, flags))


def compare_rr(s: CpuState, u: MicroOp, op: Operation, bits: int) -> None:
    """Flags of register, register."""
    op(s, get(s, u.a, bits), get(s, u.b, bits), bits, True)


def compare_ri(s: CpuState, u: MicroOp, op: Operation, bits: int) -> None:
    """Flags of register, immediate."""
    op(s, get(s, u.a, bits), low(u.imm, bits), bits, True)


def compare_rm(s: CpuState, u: MicroOp, op: Operation, bits: int, form: str) -> None:
    """Flags of register, memory."""
    value = load(s, address(s, u, form), bits)
    op(s, get(s, u.a, bits), value, bits, True)


def compare_mr(s: CpuState, u: MicroOp, op: Operation, bits: int, form: str) -> None:
    """Flags of memory, register."""
    value = load(s, address(s, u, form), bits)
    op(s, value, get(s, u.b, bits), bits, True)


def compare_mi(s: CpuState, u: MicroOp, op: Operation, bits: int, form: str) -> None:
    """Flags of memory, immediate."""
    value = load(s, address(s, u, form), bits)
    op(s, value, low(u.imm, bits), bits, True)


_BINARY: Final = {
    "add": add,
    "or": or_,
    "adc": adc,
    "sbb": sbb,
    "and": and_,
    "sub": sub,
    "xor": xor,
}
_UNARY: Final = {"inc": inc, "dec": dec, "neg": neg, "not": not_}
_COMPARE: Final = {"cmp": sub, "test": and_}


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in SIZES:
        for name, op in _BINARY.items():
            dead_flags = () if name in ("adc", "sbb") else (False,)
            for flags in (True, *dead_flags):
                yield from _binary(f"{name}{bits}", "" if flags else "_nf", op, bits, flags)
        for name, unary in _UNARY.items():
            for flags in (True, False):
                end = "" if flags else "_nf"
                yield Handler(f"{name}{bits}_r{end}", unary_r, (unary, bits, flags))
                yield Handler(f"{name}{bits}_m{end}", unary_m, (unary, bits, flags))
        for name, op in _COMPARE.items():
            yield Handler(f"{name}{bits}_rr", compare_rr, (op, bits))
            yield Handler(f"{name}{bits}_ri", compare_ri, (op, bits))
            for form in "mx" if bits in (8, 32, 64) else "m":
                yield Handler(f"{name}{bits}_r{form}", compare_rm, (op, bits, form))
                yield Handler(f"{name}{bits}_{form}r", compare_mr, (op, bits, form))
                yield Handler(f"{name}{bits}_{form}i", compare_mi, (op, bits, form))


def _binary(name: str, end: str, op: Any, bits: int, flags: bool) -> Iterator[Handler]:
    yield Handler(f"{name}_rr{end}", binary_rr, (op, bits, flags))
    yield Handler(f"{name}_ri{end}", binary_ri, (op, bits, flags))
    for form in "mx" if bits in (32, 64) else "m":
        yield Handler(f"{name}_r{form}{end}", binary_rm, (op, bits, flags, form))
        if flags:
            yield Handler(f"{name}_{form}r", binary_mr, (op, bits, flags, form))
            yield Handler(f"{name}_{form}i", binary_mi, (op, bits, flags, form))
