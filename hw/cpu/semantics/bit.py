"""Single bits, bit scans and counts.

Spec: AMD64 APM vol. 3, BT BTS BTR BTC BSF BSR POPCNT LZCNT TZCNT.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hw.cpu.flags import flags_now, set_ready
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import leading_zeros, popcount, sar, sext, trailing_zeros, u64
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.locked import locked_update
from hw.cpu.state import CpuState
from hw.spec.registers import RFLAGS_CF, RFLAGS_ZF

_LOG: Final = {16: 4, 32: 5, 64: 6}


def _carry(s: CpuState, bit: int) -> None:
    """CF; the other flags stay (ZF must, the rest are undefined)."""
    s.rflags = (flags_now(s) & ~RFLAGS_CF) | bit


def bt(value: int, mask: int) -> int:
    """Leave the bit."""
    return value | 0 * mask


def bts(value: int, mask: int) -> int:
    """Set the bit."""
    return value | mask


def btr(value: int, mask: int) -> int:
    """Clear the bit."""
    return value & ~mask


def btc(value: int, mask: int) -> int:
    """Complement the bit."""
    return value ^ mask


def _number(s: CpuState, u: MicroOp, bits: int, immediate: bool) -> int:
    return u.imm if immediate else get(s, u.b, bits)


def bit_r(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, immediate: bool) -> None:
    """A bit of a register, numbered modulo the size."""
    n = _number(s, u, bits, immediate) & (bits - 1)
    value = get(s, u.a, bits)
    _carry(s, value >> n & 1)
    if op is not bt:
        put(s, u.a, bits, op(value, u64(1 << n)))


def _bit_place(s: CpuState, u: MicroOp, bits: int, immediate: bool) -> int:
    """Address of the word with the bit: a register's number reaches beyond the operand."""
    place = address(s, u, "m")
    if immediate:
        return place
    words = sar(sext(get(s, u.b, bits), bits), _LOG[bits])
    return u64(place + words * (bits // 8))


def bit_m(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, immediate: bool) -> None:
    """A bit of memory."""
    place = _bit_place(s, u, bits, immediate)
    n = _number(s, u, bits, immediate) & (bits - 1)
    if op is bt:
        _carry(s, load(s, place, bits) >> n & 1)
    else:
        value = load_for_update(s, place, bits)
        store(s, place, bits, op(value, u64(1 << n)))
        _carry(s, value >> n & 1)


def locked_bit_m(
    s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, immediate: bool
) -> None:
    """A bit of memory, atomically."""
    place = _bit_place(s, u, bits, immediate)
    n = _number(s, u, bits, immediate) & (bits - 1)
    old = locked_update(s, place, bits, op, u64(1 << n))
    _carry(s, old >> n & 1)


def bsf(s: CpuState, u: MicroOp, value: int, bits: int) -> None:
    """Index of the lowest one; nothing is written for 0."""
    if value == 0:
        s.rflags = flags_now(s) | RFLAGS_ZF
    else:
        s.rflags = flags_now(s) & ~RFLAGS_ZF
        put(s, u.a, bits, trailing_zeros(value))


def bsr(s: CpuState, u: MicroOp, value: int, bits: int) -> None:
    """Index of the highest one; nothing is written for 0."""
    if value == 0:
        s.rflags = flags_now(s) | RFLAGS_ZF
    else:
        s.rflags = flags_now(s) & ~RFLAGS_ZF
        put(s, u.a, bits, 63 - leading_zeros(value))


def popcnt(s: CpuState, u: MicroOp, value: int, bits: int) -> None:
    """Number of ones; ZF says 0, the other flags are cleared."""
    put(s, u.a, bits, popcount(value))
    set_ready(s, RFLAGS_ZF if value == 0 else 0)


def lzcnt(s: CpuState, u: MicroOp, value: int, bits: int) -> None:
    """Leading zeros; CF says the value is 0, ZF the result."""
    count = leading_zeros(value) - (64 - bits)
    put(s, u.a, bits, count)
    set_ready(s, (RFLAGS_CF if value == 0 else 0) | (RFLAGS_ZF if count == 0 else 0))


def tzcnt(s: CpuState, u: MicroOp, value: int, bits: int) -> None:
    """Trailing zeros; CF says the value is 0, ZF the result."""
    count = bits if value == 0 else trailing_zeros(value)
    put(s, u.a, bits, count)
    set_ready(s, (RFLAGS_CF if value == 0 else 0) | (RFLAGS_ZF if count == 0 else 0))


def scan_r(s: CpuState, u: MicroOp, op: Callable[..., None], bits: int) -> None:
    """Of a register."""
    op(s, u, get(s, u.b, bits), bits)


def scan_m(s: CpuState, u: MicroOp, op: Callable[..., None], bits: int) -> None:
    """Of memory."""
    op(s, u, load(s, address(s, u, "m"), bits), bits)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in (16, 32, 64):
        for op in (bt, bts, btr, btc):
            for immediate in (True, False):
                end = "i" if immediate else "r"
                name = f"{op.__name__}{bits}"
                yield Handler(f"{name}_r{end}", bit_r, (op, bits, immediate))
                yield Handler(f"{name}_m{end}", bit_m, (op, bits, immediate))
                if op is not bt:
                    yield Handler(f"lock_{name}_m{end}", locked_bit_m, (op, bits, immediate))
        for scan in (bsf, bsr, popcnt, lzcnt, tzcnt):
            yield Handler(f"{scan.__name__}{bits}_rr", scan_r, (scan, bits))
            yield Handler(f"{scan.__name__}{bits}_rm", scan_m, (scan, bits))
