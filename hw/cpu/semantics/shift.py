"""Shifts and rotates.

Counts are masked to 5 bits (6 for 64-bit operands); a count of 0 changes no flags but still writes
the register, which clears the upper half of a 32-bit one.

Spec: AMD64 APM vol. 3, SHL SHR SAR ROL ROR RCL RCR SHLD SHRD.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hw.cpu.flags import (
    FLAGS_SAR,
    FLAGS_SHL,
    FLAGS_SHR,
    carry_now,
    pack_carry_overflow,
    result_flags,
    set_ready,
    set_shift,
)
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load_for_update, store
from hw.cpu.primitives import low, sar, sext, u64, wide
from hw.cpu.semantics.handler import SIZES, Handler, address
from hw.cpu.state import CpuState

# An operation: (state, value, count that is not 0, bits, flags wanted) -> result.
Operation = Callable[[CpuState, int, int, int, bool], int]


def shl(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Left shift."""
    if flags:
        set_shift(s, FLAGS_SHL, a, count, bits)
    return low(u64(a << count), bits)


def shr(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Logical right shift."""
    if flags:
        set_shift(s, FLAGS_SHR, a, count, bits)
    return a >> count


def sar_(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Arithmetic right shift."""
    if flags:
        set_shift(s, FLAGS_SAR, a, count, bits)
    return low(sar(sext(a, bits), count), bits)


def rol(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Rotate left."""
    n = count & (bits - 1)
    result = low(u64(a << n) | (a >> ((bits - n) & (bits - 1))), bits)
    if flags:
        carry = result & 1
        pack_carry_overflow(s, carry, carry ^ result >> (bits - 1))
    return result


def ror(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Rotate right."""
    n = count & (bits - 1)
    result = low((a >> n) | u64(a << ((bits - n) & (bits - 1))), bits)
    if flags:
        carry = result >> (bits - 1)
        pack_carry_overflow(s, carry, carry ^ (result >> (bits - 2) & 1))
    return result


def rcl(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Rotate left through carry: bits + 1 positions."""
    n = count % (bits + 1)
    whole = wide(a) | wide(carry_now(s)) << bits
    turned = (whole << n) | (whole >> (bits + 1 - n))
    result = low(turned, bits)
    if flags and n != 0:
        carry = u64(turned >> bits) & 1
        pack_carry_overflow(s, carry, carry ^ result >> (bits - 1))
    return result


def rcr(s: CpuState, a: int, count: int, bits: int, flags: bool) -> int:
    """Rotate right through carry: bits + 1 positions."""
    n = count % (bits + 1)
    whole = wide(a) | wide(carry_now(s)) << bits
    turned = (whole >> n) | (whole << (bits + 1 - n))
    result = low(turned, bits)
    if flags and n != 0:
        carry = u64(turned >> bits) & 1
        pack_carry_overflow(s, carry, (result >> (bits - 1)) ^ (result >> (bits - 2) & 1))
    return result


def shift_ri(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool) -> None:
    """Register by an immediate count, masked and not 0."""
    put(s, u.a, bits, op(s, get(s, u.a, bits), u.imm, bits, flags))


def shift_mi(s: CpuState, u: MicroOp, op: Operation, bits: int) -> None:
    """Memory by an immediate count, masked and not 0."""
    place = address(s, u, "m")
    old = load_for_update(s, place, bits)
    store(s, place, bits, op(s, old, u.imm, bits, True))


def _count(s: CpuState, bits: int) -> int:
    return get(s, 8, 8) & (63 if bits == 64 else 31)


def shift_rc(s: CpuState, u: MicroOp, op: Operation, bits: int, flags: bool) -> None:
    """Register by CL."""
    count = _count(s, bits)
    value = get(s, u.a, bits)
    if count != 0:
        value = op(s, value, count, bits, flags)
    put(s, u.a, bits, value)


def shift_mc(s: CpuState, u: MicroOp, op: Operation, bits: int) -> None:
    """Memory by CL."""
    place = address(s, u, "m")
    value = load_for_update(s, place, bits)
    count = _count(s, bits)
    if count != 0:
        value = op(s, value, count, bits, True)
    store(s, place, bits, value)


def _double_flags(s: CpuState, old: int, result: int, carry: int, bits: int) -> None:
    sign_change = (old ^ result) >> (bits - 1) & 1
    set_ready(s, result_flags(result, bits) | carry & 1 | sign_change << 11)


def shld(s: CpuState, a: int, b: int, count: int, bits: int) -> int:
    """a shifted left, filled from the top of b; 16-bit counts above 16 rotate b:a on."""
    if bits == 16:
        chain = (a << 32) | (b << 16) | a
        result = low(chain >> (32 - count), 16)
        carry = chain >> (48 - count)
    else:
        result = low(u64(a << count) | (b >> (bits - count)), bits)
        carry = a >> (bits - count)
    _double_flags(s, a, result, carry, bits)
    return result


def shrd(s: CpuState, a: int, b: int, count: int, bits: int) -> int:
    """a shifted right, filled from the bottom of b; 16-bit counts above 16 rotate b:a on."""
    if bits == 16:
        chain = (a << 32) | (b << 16) | a
        result = low(chain >> count, 16)
        carry = chain >> (count - 1)
    else:
        result = low((a >> count) | u64(b << (bits - count)), bits)
        carry = a >> (count - 1)
    _double_flags(s, a, result, carry, bits)
    return result


def double_r(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, by_cl: bool) -> None:
    """SHLD, SHRD of a register."""
    count = _count(s, bits) if by_cl else u.imm
    value = get(s, u.a, bits)
    if count != 0:
        value = op(s, value, get(s, u.b, bits), count, bits)
    put(s, u.a, bits, value)


def double_m(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, by_cl: bool) -> None:
    """SHLD, SHRD of memory."""
    place = address(s, u, "m")
    value = load_for_update(s, place, bits)
    count = _count(s, bits) if by_cl else u.imm
    if count != 0:
        value = op(s, value, get(s, u.b, bits), count, bits)
    store(s, place, bits, value)


_SHIFTS: Final = {
    "shl": shl,
    "shr": shr,
    "sar": sar_,
    "rol": rol,
    "ror": ror,
    "rcl": rcl,
    "rcr": rcr,
}


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in SIZES:
        for name, op in _SHIFTS.items():
            for flags in (True, False):
                end = "" if flags else "_nf"
                yield Handler(f"{name}{bits}_ri{end}", shift_ri, (op, bits, flags))
                yield Handler(f"{name}{bits}_rc{end}", shift_rc, (op, bits, flags))
            yield Handler(f"{name}{bits}_mi", shift_mi, (op, bits))
            yield Handler(f"{name}{bits}_mc", shift_mc, (op, bits))
        if bits > 8:
            for name, double in (("shld", shld), ("shrd", shrd)):
                for by_cl in (True, False):
                    end = "c" if by_cl else "i"
                    yield Handler(f"{name}{bits}_r{end}", double_r, (double, bits, by_cl))
                    yield Handler(f"{name}{bits}_m{end}", double_m, (double, bits, by_cl))
