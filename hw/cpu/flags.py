"""Lazy status flags.

An instruction that only writes flags leaves what they follow from: a kind and two operands, three
stores. Conditions after a comparison are computed from its operands directly; whoever else wants
flags makes them ready first.

A comparison's operands are sign-extended to 64 bits: then equality and both orders of the narrow
values are those of the wide ones. A logical result r is kept as the comparison of r with 0.

Spec: AMD64 APM vol. 1, 3.1.4.
State: CpuState.rflags, flag_kind, flag_a, flag_b. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.primitives import flag, low, popcount, sar, sext, slt, u64
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.spec.registers import (
    RFLAGS_AF,
    RFLAGS_CF,
    RFLAGS_OF,
    RFLAGS_PF,
    RFLAGS_STATUS,
    RFLAGS_ZF,
)

FLAGS_READY: Final = 0
#: flag_a - flag_b of 8, 16, 32, 64 bits, both sign-extended: 1 to 4.
FLAGS_SUB: Final = 1
#: flag_a + flag_b of 8, 16, 32, 64 bits: 5 to 8.
FLAGS_ADD: Final = 5
#: flag_a shifted by flag_b (1 to 63): 9 to 12, 13 to 16, 17 to 20.
FLAGS_SHL: Final = 9
FLAGS_SHR: Final = 13
FLAGS_SAR: Final = 17

SIZE_INDEX: Final = {8: 0, 16: 1, 32: 2, 64: 3}


def set_compare(s: CpuState, a: int, b: int, bits: int) -> None:
    """Flags of the subtraction a - b."""
    s.flag_kind = FLAGS_SUB + SIZE_INDEX[bits]
    s.flag_a = sext(a, bits)
    s.flag_b = sext(b, bits)


def set_logic(s: CpuState, result: int, bits: int) -> None:
    """Flags of a logical result: carry and overflow are 0."""
    s.flag_kind = FLAGS_SUB + 3
    s.flag_a = sext(result, bits)
    s.flag_b = 0


def set_add(s: CpuState, a: int, b: int, bits: int) -> None:
    """Flags of the sum a + b."""
    s.flag_kind = FLAGS_ADD + SIZE_INDEX[bits]
    s.flag_a = a
    s.flag_b = b


def set_shift(s: CpuState, kind: int, a: int, count: int, bits: int) -> None:
    """Flags of a shift by ``count``, which is not 0."""
    s.flag_kind = kind + SIZE_INDEX[bits]
    s.flag_a = a
    s.flag_b = count


def set_ready(s: CpuState, status: int) -> None:
    """All six status flags, as bits in place."""
    s.rflags = (s.rflags & ~RFLAGS_STATUS) | status
    s.flag_kind = FLAGS_READY


def result_flags(result: int, bits: int) -> int:
    """SF, ZF and PF of a result."""
    parity = RFLAGS_PF if popcount(result & 0xFF) & 1 == 0 else 0
    zero = RFLAGS_ZF if low(result, bits) == 0 else 0
    return parity | zero | ((result >> (bits - 1)) & 1) << 7


def add_flags(a: int, b: int, result: int, bits: int) -> int:
    """All six flags of result = a + b (+ carry)."""
    carry = ((a & b) | ((a | b) & ~result)) >> (bits - 1) & 1
    overflow = ((a ^ result) & (b ^ result)) >> (bits - 1) & 1
    return result_flags(result, bits) | carry | overflow << 11 | ((a ^ b ^ result) & RFLAGS_AF)


def sub_flags(a: int, b: int, result: int, bits: int) -> int:
    """All six flags of result = a - b (- borrow)."""
    borrow = ((~a & b) | ((~a | b) & result)) >> (bits - 1) & 1
    overflow = ((a ^ b) & (a ^ result)) >> (bits - 1) & 1
    return result_flags(result, bits) | borrow | overflow << 11 | ((a ^ b ^ result) & RFLAGS_AF)


def _shift_flags(operation: int, a: int, count: int, bits: int) -> int:
    """All six flags of a shift; OF as processors give it for any count."""
    if operation == FLAGS_SHL:
        result = low(u64(a << count), bits)
        carry = (a >> (bits - count)) & 1 if count <= bits else 0
        overflow = (result >> (bits - 1)) ^ carry
    elif operation == FLAGS_SHR:
        result = a >> count
        carry = (a >> (count - 1)) & 1
        overflow = (a >> (bits - 1)) & 1 if count == 1 else 0
    else:
        wide_a = sext(a, bits)
        result = low(sar(wide_a, count), bits)
        carry = sar(wide_a, count - 1) & 1
        overflow = 0
    return result_flags(result, bits) | carry | (overflow & 1) << 11


def _pending_status(kind: int, a: int, b: int, bits: int) -> int:
    """Status flags of a pending operation of ``bits`` bits."""
    index = SIZE_INDEX[bits]
    if kind == FLAGS_SUB + index:
        return sub_flags(low(a, bits), low(b, bits), low(u64(a - b), bits), bits)
    if kind == FLAGS_ADD + index:
        return add_flags(a, b, low(u64(a + b), bits), bits)
    if kind == FLAGS_SHL + index:
        return _shift_flags(FLAGS_SHL, a, b, bits)
    if kind == FLAGS_SHR + index:
        return _shift_flags(FLAGS_SHR, a, b, bits)
    return _shift_flags(FLAGS_SAR, a, b, bits)


def status_of(kind: int, a: int, b: int) -> int:
    """Status flags that follow from a kind (not FLAGS_READY) and its operands."""
    size = (kind - 1) & 3
    if size == 3:
        return _pending_status(kind, a, b, 64)
    if size == 2:
        return _pending_status(kind, a, b, 32)
    if size == 1:
        return _pending_status(kind, a, b, 16)
    return _pending_status(kind, a, b, 8)


@noinline
def make_ready(s: CpuState) -> None:
    """Compute pending status flags into ``rflags``."""
    if s.flag_kind != FLAGS_READY:
        set_ready(s, status_of(s.flag_kind, s.flag_a, s.flag_b))


def flags_now(s: CpuState) -> int:
    """``rflags``, made ready."""
    if s.flag_kind != FLAGS_READY:
        make_ready(s)
    return s.rflags


def carry_now(s: CpuState) -> int:
    """CF."""
    return flags_now(s) & RFLAGS_CF


#: Condition codes in encoding order: 2n is the condition, 2n + 1 its negation.
CONDITIONS: Final = (
    "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g",
)  # fmt: skip
#: Conditions that follow from a comparison's operands without its flags.
COMPARE_CONDITIONS: Final = frozenset((2, 3, 4, 5, 6, 7, 12, 13, 14, 15))


def holds(s: CpuState, code: int) -> bool:
    """Whether a condition holds."""
    return condition_of(flags_now(s), code)


def condition_of(rflags: int, code: int) -> bool:
    """Whether condition ``code`` (known at compile time) holds for ready flags."""
    less = (rflags >> 7 ^ rflags >> 11) & 1
    kind = code >> 1
    if kind == 0:
        bit = rflags & RFLAGS_OF
    elif kind == 1:
        bit = rflags & RFLAGS_CF
    elif kind == 2:
        bit = rflags & RFLAGS_ZF
    elif kind == 3:
        bit = rflags & (RFLAGS_CF | RFLAGS_ZF)
    elif kind == 4:
        bit = rflags & 0x80
    elif kind == 5:
        bit = rflags & RFLAGS_PF
    elif kind == 6:
        bit = less
    else:
        bit = less | (rflags & RFLAGS_ZF)
    return bit == 0 if code & 1 else bit != 0


def compare_holds(a: int, b: int, code: int) -> bool:
    """Whether one of COMPARE_CONDITIONS holds after comparing sign-extended a with b.

    Also "s" and "ns" where b is 0 (a logical result).
    """
    kind = code >> 1
    if kind == 1:
        result = a < b
    elif kind == 2:
        result = a == b
    elif kind == 3:
        result = a <= b
    elif kind == 4:
        result = slt(a, 0)
    elif kind == 6:
        result = slt(a, b)
    else:
        result = slt(a, b) or a == b
    return not result if code & 1 else result


def pack_carry_overflow(s: CpuState, carry: int, overflow: int) -> None:
    """CF and OF of a rotate (each 0 or 1); the other flags stay."""
    others = flags_now(s) & ~(RFLAGS_CF | RFLAGS_OF)
    s.rflags = others | carry | overflow << 11


def truth(condition: bool) -> int:
    """1 or 0."""
    return flag(condition)
