"""x87: loads, stores and moves between registers.

Spec: AMD64 APM vol. 5.
State: the x87 fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.flags import condition_of, flags_now
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import store
from hw.cpu.primitives import low
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.x87_operands import INTEGERS, REALS, memory_operand, note_memory
from hw.cpu.semantics.x87_stack import (
    EARLY,
    STACK_FAULT,
    STACK_OVERFLOW,
    STACK_UNDERFLOW,
    UNSTORED,
    begin,
    is_empty,
    note,
    pop,
    push,
    read,
    settle,
    settle_keeping_c1,
    store80,
    write,
)
from hw.cpu.softfloat.constants import CONSTANTS, rounded
from hw.cpu.softfloat.conversion import (
    quieted,
    to_binary,
    to_decimal,
    to_integer,
)
from hw.cpu.softfloat.number import (
    DEFAULT_EXPONENT,
    DEFAULT_SIGNIFICAND,
    INVALID,
    rounding,
)
from hw.cpu.state import CpuState

#: Rounding mode "towards zero", which FISTTP has always.
_TRUNCATE: Final = 3


def load_memory(s: CpuState, u: MicroOp, origin: str) -> None:
    """FLD, FILD, FBLD."""
    begin(s)
    se, m, flags = memory_operand(s, u, origin)
    note_memory(s, u)
    if origin in REALS:
        se, m, signaling = quieted(se, m)
        flags |= signaling
    _push_result(s, se, m, flags)


def load_register(s: CpuState, u: MicroOp) -> None:
    """FLD ST(i)."""
    begin(s)
    note(s, u)
    se, m = read(s, u.b)
    flags = 0
    if is_empty(s, u.b):
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    _push_result(s, se, m, flags)


def load_constant(s: CpuState, u: MicroOp, name: str) -> None:
    """FLDPI and its like."""
    begin(s)
    note(s, u)
    se, m = rounded(rounding(s.fpu_control), name)
    _push_result(s, se, m, 0)


def _push_result(s: CpuState, se: int, m: int, flags: int) -> None:
    """Push, unless the stack is full or the operand invalid and that is not masked."""
    if not is_empty(s, 7) and flags & STACK_FAULT == 0:
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_OVERFLOW
    if settle(s, flags, INVALID):
        push(s, se, m)


def store_real(s: CpuState, u: MicroOp, bits: int, pops: bool) -> None:
    """FST, FSTP to a single or double."""
    begin(s)
    se, m = read(s, 0)
    if is_empty(s, 0):
        value, _ = to_binary(s.fpu_control, DEFAULT_EXPONENT, DEFAULT_SIGNIFICAND, bits)
        flags = STACK_UNDERFLOW
    else:
        value, flags = to_binary(s.fpu_control, se, m, bits)
    _finish_store(s, u, bits, value, flags, pops)


def store_integer(s: CpuState, u: MicroOp, bits: int, pops: bool, truncates: bool) -> None:
    """FIST, FISTP, FISTTP."""
    begin(s)
    se, m = read(s, 0)
    mode = _TRUNCATE if truncates else rounding(s.fpu_control)
    value, flags = to_integer(mode, se, m, bits)
    if is_empty(s, 0):
        value = 1 << (bits - 1)
        flags = STACK_UNDERFLOW
    _finish_store(s, u, bits, low(value, bits), flags, pops)


def _finish_store(s: CpuState, u: MicroOp, bits: int, value: int, flags: int, pops: bool) -> None:
    place = address(s, u, "m")
    if flags & ~s.fpu_control & UNSTORED == 0:
        store(s, place, bits, value)
    note_memory(s, u)
    stored = settle(s, flags, UNSTORED)
    if pops and stored:
        pop(s)


def store_extended(s: CpuState, u: MicroOp) -> None:
    """FSTP to ten bytes: the register as it is."""
    begin(s)
    se, m = read(s, 0)
    flags = 0
    if is_empty(s, 0):
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    _finish_store80(s, u, se, m, flags)


def store_decimal(s: CpuState, u: MicroOp) -> None:
    """FBSTP."""
    begin(s)
    se, m = read(s, 0)
    digits, upper, flags = to_decimal(rounding(s.fpu_control), se, m)
    if is_empty(s, 0):
        digits, upper, flags = to_decimal(0, DEFAULT_EXPONENT, DEFAULT_SIGNIFICAND)
        flags = STACK_UNDERFLOW
    _finish_store80(s, u, upper, digits, flags)


def _finish_store80(s: CpuState, u: MicroOp, upper: int, lower: int, flags: int) -> None:
    if flags & ~s.fpu_control & UNSTORED == 0:
        store80(s, address(s, u, "m"), upper, lower)
    note_memory(s, u)
    if settle(s, flags, UNSTORED):
        pop(s)


def store_register(s: CpuState, u: MicroOp, pops: bool) -> None:
    """FST, FSTP to ST(a)."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    flags = 0
    if is_empty(s, 0):
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    if settle(s, flags, EARLY):
        write(s, u.a, se, m)
        if pops:
            pop(s)


def exchange(s: CpuState, u: MicroOp) -> None:
    """FXCH; an empty register counts as the default NaN."""
    begin(s)
    note(s, u)
    se_a, m_a = read(s, 0)
    se_b, m_b = read(s, u.b)
    flags = 0
    if is_empty(s, 0):
        se_a = DEFAULT_EXPONENT
        m_a = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    if is_empty(s, u.b):
        se_b = DEFAULT_EXPONENT
        m_b = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    if settle(s, flags, EARLY):
        write(s, 0, se_b, m_b)
        write(s, u.b, se_a, m_a)


def conditional_move(s: CpuState, u: MicroOp, condition: int) -> None:
    """FCMOVcc ST(0), ST(b); C1 stays but for a stack fault."""
    begin(s)
    note(s, u)
    taken = condition_of(flags_now(s), condition)
    missing = is_empty(s, 0) or is_empty(s, u.b)
    se, m = read(s, u.b)
    if missing:
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
    if settle_keeping_c1(s, STACK_UNDERFLOW if missing else 0, missing) and (taken or missing):
        write(s, 0, se, m)


#: FCMOVcc: condition codes.
MOVES: Final = {"b": 2, "e": 4, "be": 6, "u": 10, "nb": 3, "ne": 5, "nbe": 7, "nu": 11}


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("fxch", exchange)
    for name, condition in MOVES.items():
        yield Handler(f"fcmov{name}", conditional_move, (condition,))
    for origin in (*REALS, *INTEGERS, "m80fp", "m80bcd"):
        yield Handler(f"fld_{origin}", load_memory, (origin,))
    for name in CONSTANTS:
        yield Handler(f"fld{name}", load_constant, (name,))
    yield Handler("fld_r", load_register)
    for pops, suffix in ((False, ""), (True, "p")):
        for name, bits in REALS.items():
            yield Handler(f"fst{suffix}_{name}", store_real, (bits, pops))
        for name, bits in INTEGERS.items():
            # FIST has no form of 64 bits
            yield Handler(f"fist{suffix}_{name}", store_integer, (bits, pops, False))
        yield Handler(f"fst{suffix}_r", store_register, (pops,))
    for name, bits in INTEGERS.items():
        yield Handler(f"fisttp_{name}", store_integer, (bits, True, True))
    yield Handler("fstp_m80fp", store_extended)
    yield Handler("fbstp_m80bcd", store_decimal)
