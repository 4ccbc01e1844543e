"""Multiplication and division.

Spec: AMD64 APM vol. 3, MUL IMUL DIV IDIV. SF ZF AF PF after a multiplication, and all flags after a
division, are undefined there.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.flags import set_ready
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import low, sext, swide, u64, udiv128, wide
from hw.cpu.semantics.handler import SIZES, Handler, address
from hw.cpu.state import CpuState
from hw.spec.registers import RFLAGS_CF, RFLAGS_OF
from hw.spec.vectors import DIVIDE_ERROR

_RAX = 0
_RDX = 16
_AH = 1


def _overflow(s: CpuState, condition: bool) -> None:
    set_ready(s, (RFLAGS_CF | RFLAGS_OF) if condition else 0)


def _put_product(s: CpuState, lower: int, upper: int, bits: int) -> None:
    if bits == 8:
        put(s, _RAX, 16, lower | upper << 8)
    else:
        put(s, _RAX, bits, lower)
        put(s, _RDX, bits, upper)


def mul(s: CpuState, value: int, bits: int) -> None:
    """rdx:rax = rax * value, unsigned."""
    product = wide(get(s, _RAX, bits)) * wide(value)
    upper = low(u64(product >> bits), bits)
    _put_product(s, low(product, bits), upper, bits)
    _overflow(s, upper != 0)


def imul(s: CpuState, value: int, bits: int) -> None:
    """rdx:rax = rax * value, signed."""
    product = swide(sext(get(s, _RAX, bits), bits)) * swide(sext(value, bits))
    lower = low(product, bits)
    upper = low(u64(product >> bits), bits)
    _put_product(s, lower, upper, bits)
    _overflow(s, upper != low(u64(0 - (lower >> (bits - 1))), bits))


def _imul_low(s: CpuState, a: int, b: int, bits: int) -> int:
    """Low half of a signed product; overflow if the upper half is more than its sign."""
    product = swide(sext(a, bits)) * swide(sext(b, bits))
    lower = low(product, bits)
    upper = low(u64(product >> bits), bits)
    _overflow(s, upper != low(u64(0 - (lower >> (bits - 1))), bits))
    return lower


def _imul_no_flags(a: int, b: int, bits: int) -> int:
    return low(u64(a * b), bits)


def _divide_error(s: CpuState) -> None:
    exception(s, DIVIDE_ERROR, 0)
    leave_fault()


def _dividend(s: CpuState, bits: int) -> tuple[int, int]:
    """Upper and lower half of rdx:rax (ah:al for 8 bits)."""
    if bits == 8:
        return get(s, _AH, 8), get(s, _RAX, 8)
    return get(s, _RDX, bits), get(s, _RAX, bits)


def _put_division(s: CpuState, quotient: int, remainder: int, bits: int) -> None:
    if bits == 8:
        put(s, _RAX, 8, quotient)
        put(s, _AH, 8, remainder)
    else:
        put(s, _RAX, bits, quotient)
        put(s, _RDX, bits, remainder)


def _quotient(upper: int, lower: int, value: int, bits: int) -> tuple[int, int]:
    if bits == 64:
        return udiv128(upper, lower, value)
    whole = upper << bits | lower
    return whole // value, whole % value


def div(s: CpuState, value: int, bits: int) -> None:
    """rax, rdx = rdx:rax divided by value, unsigned."""
    upper, lower = _dividend(s, bits)
    if upper >= value:
        _divide_error(s)
    quotient, remainder = _quotient(upper, lower, value, bits)
    _put_division(s, quotient, remainder, bits)


def idiv(s: CpuState, value: int, bits: int) -> None:
    """rax, rdx = rdx:rax divided by value, signed: by magnitudes, signs put back after."""
    upper, lower = _dividend(s, bits)
    negative = upper >> (bits - 1) != 0
    negative_value = value >> (bits - 1) != 0
    divisor = low(u64(0 - value), bits) if negative_value else value
    carry = 1 if lower == 0 else 0
    high = low(u64(~upper + carry), bits) if negative else upper
    rest = low(u64(0 - lower), bits) if negative else lower
    if high >= divisor:
        _divide_error(s)
    quotient, remainder = _quotient(high, rest, divisor, bits)
    opposite = negative ^ negative_value
    limit = (1 << (bits - 1)) if opposite else (1 << (bits - 1)) - 1
    if quotient > limit:
        _divide_error(s)
    signed_quotient = u64(0 - quotient) if opposite else quotient
    signed_remainder = u64(0 - remainder) if negative else remainder
    _put_division(s, low(signed_quotient, bits), low(signed_remainder, bits), bits)


def one_r(s: CpuState, u: MicroOp, op: Callable[..., None], bits: int) -> None:
    """By a register."""
    op(s, get(s, u.b, bits), bits)


def one_m(s: CpuState, u: MicroOp, op: Callable[..., None], bits: int) -> None:
    """By a memory operand."""
    op(s, load(s, address(s, u, "m"), bits), bits)


def imul_rr(s: CpuState, u: MicroOp, bits: int, flags: bool) -> None:
    """IMUL reg, reg."""
    a = get(s, u.a, bits)
    b = get(s, u.b, bits)
    put(s, u.a, bits, _imul_low(s, a, b, bits) if flags else _imul_no_flags(a, b, bits))


def imul_rm(s: CpuState, u: MicroOp, bits: int) -> None:
    """IMUL reg, mem."""
    value = load(s, address(s, u, "m"), bits)
    put(s, u.a, bits, _imul_low(s, get(s, u.a, bits), value, bits))


def imul_rri(s: CpuState, u: MicroOp, bits: int, flags: bool) -> None:
    """IMUL reg, reg, imm."""
    a = get(s, u.b, bits)
    b = low(u.imm, bits)
    put(s, u.a, bits, _imul_low(s, a, b, bits) if flags else _imul_no_flags(a, b, bits))


def imul_rmi(s: CpuState, u: MicroOp, bits: int) -> None:
    """IMUL reg, mem, imm."""
    value = load(s, address(s, u, "m"), bits)
    put(s, u.a, bits, _imul_low(s, value, low(u.imm, bits), bits))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in SIZES:
        for op in (mul, imul, div, idiv):
            yield Handler(f"{op.__name__}{bits}_r", one_r, (op, bits))
            yield Handler(f"{op.__name__}{bits}_m", one_m, (op, bits))
        if bits > 8:
            for flags in (True, False):
                end = "" if flags else "_nf"
                yield Handler(f"imul{bits}_rr{end}", imul_rr, (bits, flags))
                yield Handler(f"imul{bits}_rri{end}", imul_rri, (bits, flags))
            yield Handler(f"imul{bits}_rm", imul_rm, (bits,))
            yield Handler(f"imul{bits}_rmi", imul_rmi, (bits,))
