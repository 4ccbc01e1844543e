"""x87: arithmetic and comparisons.

A micro-op's ``a`` and ``b`` are numbers of stack registers, ``imm`` is the opcode. A memory operand
is base + disp.

Spec: AMD64 APM vol. 5.
State: the x87 fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.flags import set_ready
from hw.cpu.micro_op import MicroOp
from hw.cpu.semantics.handler import Handler
from hw.cpu.semantics.x87_operands import REALS, memory_operand, note_memory
from hw.cpu.semantics.x87_stack import (
    C1,
    CONDITIONS,
    EARLY,
    STACK_OVERFLOW,
    STACK_UNDERFLOW,
    begin,
    free,
    is_empty,
    note,
    pop,
    push,
    read,
    replace,
    rotate,
    settle,
    settle_keeping_c1,
    wait_for_error,
    write,
)
from hw.cpu.softfloat.arithmetic import UNORDERED, add, compare, divide, multiply, square_root
from hw.cpu.softfloat.conversion import (
    round_to_integer,
)
from hw.cpu.softfloat.number import (
    DEFAULT_EXPONENT,
    DEFAULT_SIGNIFICAND,
    INVALID,
    ZERO_DIVIDE,
    exponent_of,
    is_finite,
    is_infinite,
    is_nan,
    is_number,
    is_zero,
    nan_of,
    sign_of,
)
from hw.cpu.softfloat.remainder import INCOMPLETE, extract, remainder, scale
from hw.cpu.state import CpuState
from hw.spec.registers import CR0_MP, CR0_TS, RFLAGS_CF, RFLAGS_PF, RFLAGS_ZF
from hw.spec.vectors import DEVICE_NOT_AVAILABLE

ARITHMETIC: Final = ("add", "mul", "sub", "subr", "div", "divr")

# Arithmetic


def _operate(
    control: int, operation: str, se_a: int, m_a: int, se_b: int, m_b: int
) -> tuple[int, int, int]:
    if operation == "add":
        return add(control, se_a, m_a, se_b, m_b, 0)
    if operation == "sub":
        return add(control, se_a, m_a, se_b, m_b, 1)
    if operation == "subr":
        return add(control, se_b, m_b, se_a, m_a, 1)
    if operation == "mul":
        return multiply(control, se_a, m_a, se_b, m_b)
    if operation == "div":
        return divide(control, se_a, m_a, se_b, m_b)
    return divide(control, se_b, m_b, se_a, m_a)


def arithmetic(s: CpuState, u: MicroOp, operation: str, origin: str, pops: bool) -> None:
    """ST(a) = ST(a) op ST(b), or ST(0) op memory; the "r" operations have operands reversed."""
    begin(s)
    se_a, m_a = read(s, u.a)
    if origin == "r":
        se_b, m_b = read(s, u.b)
        flags_b = 0
        missing = is_empty(s, u.a) or is_empty(s, u.b)
        note(s, u)
    else:
        se_b, m_b, flags_b = memory_operand(s, u, origin)
        missing = is_empty(s, 0)
        note_memory(s, u)
    se, m, flags = _operate(s.fpu_control, operation, se_a, m_a, se_b, m_b)
    if flags & (INVALID | ZERO_DIVIDE) == 0 and is_number(se_a, m_a):
        flags |= flags_b
    if missing:
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    if settle(s, flags, EARLY):
        write(s, u.a, se, m)
        if pops:
            pop(s)


def sqrt(s: CpuState, u: MicroOp) -> None:
    """FSQRT."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    se, m, flags = square_root(s.fpu_control, se, m)
    replace(s, is_empty(s, 0), se, m, flags)


def rndint(s: CpuState, u: MicroOp) -> None:
    """FRNDINT."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    if is_finite(se, m):
        se, m, flags = round_to_integer(s.fpu_control, se, m)
    elif is_infinite(se, m):
        flags = 0
    else:
        se, m, flags = nan_of(se, m)
    replace(s, is_empty(s, 0), se, m, flags)


def change_sign(s: CpuState, u: MicroOp, clears: bool) -> None:
    """FCHS, FABS."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    replace(s, is_empty(s, 0), se & 0x7FFF if clears else se ^ 0x8000, m, 0)


def fscale(s: CpuState, u: MicroOp) -> None:
    """FSCALE."""
    begin(s)
    note(s, u)
    se_a, m_a = read(s, 0)
    se_b, m_b = read(s, 1)
    se, m, flags = scale(s.fpu_control, se_a, m_a, se_b, m_b)
    replace(s, is_empty(s, 0) or is_empty(s, 1), se, m, flags)


def prem(s: CpuState, u: MicroOp, to_nearest: int) -> None:
    """FPREM, FPREM1."""
    begin(s)
    note(s, u)
    se_a, m_a = read(s, 0)
    se_b, m_b = read(s, 1)
    se, m, flags, conditions = remainder(s.fpu_control, se_a, m_a, se_b, m_b, to_nearest)
    missing = is_empty(s, 0) or is_empty(s, 1)
    stored = replace(s, missing, se, m, flags)
    s.fpu_status = s.fpu_status & ~INCOMPLETE
    if stored and not missing and is_number(se, m):
        s.fpu_status = (s.fpu_status & ~(CONDITIONS | C1)) | conditions


def xtract(s: CpuState, u: MicroOp) -> None:
    """FXTRACT: the exponent replaces ST(0), the significand is pushed."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    power_se, power, se, m, flags = extract(se, m)
    if is_empty(s, 0) or not is_empty(s, 7):
        power_se = DEFAULT_EXPONENT
        power = DEFAULT_SIGNIFICAND
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW if is_empty(s, 0) else STACK_OVERFLOW
    if settle(s, flags, EARLY):
        write(s, 0, power_se, power)
        push(s, se, m)


# Comparisons


def _compare(
    s: CpuState, se_b: int, m_b: int, missing: bool, flags_b: int, quiet: int
) -> tuple[int, int]:
    """Condition bits of ST(0) compared with a number, and exceptions."""
    se_a, m_a = read(s, 0)
    result, flags = compare(se_a, m_a, se_b, m_b, quiet)
    if flags & INVALID == 0 and is_number(se_a, m_a):
        flags |= flags_b
    if missing:
        result = UNORDERED
        flags = STACK_UNDERFLOW
    return result, flags


def _set_conditions(s: CpuState, result: int, flags: int, pops: int) -> None:
    s.fpu_status = (s.fpu_status & ~CONDITIONS) | result
    if settle(s, flags, EARLY):
        if pops > 0:
            pop(s)
        if pops > 1:
            pop(s)


def compare_register(s: CpuState, u: MicroOp, quiet: int, pops: int) -> None:
    """FCOM, FUCOM with ST(b), and their popping forms."""
    begin(s)
    note(s, u)
    se, m = read(s, u.b)
    missing = is_empty(s, 0) or is_empty(s, u.b)
    result, flags = _compare(s, se, m, missing, 0, quiet)
    _set_conditions(s, result, flags, pops)


def compare_memory(s: CpuState, u: MicroOp, origin: str, pops: int) -> None:
    """FCOM, FICOM with memory."""
    begin(s)
    se, m, flags = memory_operand(s, u, origin)
    note_memory(s, u)
    result, flags = _compare(s, se, m, is_empty(s, 0), flags, 0)
    _set_conditions(s, result, flags, pops)


def compare_zero(s: CpuState, u: MicroOp) -> None:
    """FTST."""
    begin(s)
    note(s, u)
    result, flags = _compare(s, 0, 0, is_empty(s, 0), 0, 0)
    _set_conditions(s, result, flags, 0)


def compare_to_flags(s: CpuState, u: MicroOp, quiet: int, pops: bool) -> None:
    """FCOMI, FUCOMI: C3, C2, C0 as ZF, PF, CF; C1 stays but for a stack fault."""
    begin(s)
    note(s, u)
    se, m = read(s, u.b)
    missing = is_empty(s, 0) or is_empty(s, u.b)
    result, flags = _compare(s, se, m, missing, 0, quiet)
    carry = RFLAGS_CF if result & 1 << 8 != 0 else 0
    parity = RFLAGS_PF if result & 1 << 10 != 0 else 0
    set_ready(s, carry | parity | (RFLAGS_ZF if result & 1 << 14 != 0 else 0))
    if settle_keeping_c1(s, flags, missing) and pops:
        pop(s)


def examine(s: CpuState, u: MicroOp) -> None:
    """FXAM: the class of ST(0) in C3, C2, C0, its sign in C1."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    result = 0
    if is_empty(s, 0):
        result = 1 << 14 | 1 << 8
    elif is_nan(se, m):
        result = 1 << 8
    elif is_infinite(se, m):
        result = 1 << 10 | 1 << 8
    elif is_zero(se, m):
        result = 1 << 14
    elif exponent_of(se) == 0:
        result = 1 << 14 | 1 << 10
    elif is_finite(se, m):
        result = 1 << 10
    s.fpu_status = (s.fpu_status & ~(CONDITIONS | C1)) | result | sign_of(se) << 9


# The stack


def step(s: CpuState, u: MicroOp, by: int) -> None:
    """FINCSTP, FDECSTP."""
    begin(s)
    note(s, u)
    s.fpu_status = s.fpu_status & ~C1
    rotate(s, by)


def free_register(s: CpuState, u: MicroOp, pops: bool) -> None:
    """FFREE; FFREEP pops, too."""
    begin(s)
    note(s, u)
    s.fpu_status = s.fpu_status & ~C1
    free(s, u.a)
    if pops:
        pop(s)


def fnop(s: CpuState, u: MicroOp) -> None:
    """FNOP: waits, and is remembered."""
    begin(s)
    note(s, u)


def wait(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """FWAIT: #NM where the state is another's and CR0.MP asks for it, then #MF."""
    if s.cr0 & CR0_MP != 0 and s.cr0 & CR0_TS != 0:
        exception(s, DEVICE_NOT_AVAILABLE, 0)
        leave_fault()
    wait_for_error(s)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for operation in ARITHMETIC:
        for origin in ("r", *REALS, "m16int", "m32int"):
            yield Handler(f"f{operation}_{origin}", arithmetic, (operation, origin, False))
        yield Handler(f"f{operation}p_r", arithmetic, (operation, "r", True))
    for pops, suffix in ((0, ""), (1, "p"), (2, "pp")):
        yield Handler(f"fcom{suffix}_r", compare_register, (0, pops))
        yield Handler(f"fucom{suffix}_r", compare_register, (1, pops))
    for pops, suffix in ((0, ""), (1, "p")):
        for origin in (*REALS, "m16int", "m32int"):
            yield Handler(f"fcom{suffix}_{origin}", compare_memory, (origin, pops))
        yield Handler(f"fcomi{suffix}_r", compare_to_flags, (0, pops == 1))
        yield Handler(f"fucomi{suffix}_r", compare_to_flags, (1, pops == 1))
    plain: dict[str, Callable[..., Any]] = {
        "ftst": compare_zero, "fxam": examine, "fsqrt": sqrt, "frndint": rndint, "fscale": fscale,
        "fxtract": xtract, "fnop": fnop, "wait": wait,
    }  # fmt: skip
    for name, form in plain.items():
        yield Handler(name, form)
    yield Handler("fprem", prem, (0,))
    yield Handler("fprem1", prem, (1,))
    yield Handler("fchs", change_sign, (False,))
    yield Handler("fabs", change_sign, (True,))
    yield Handler("fincstp", step, (1,))
    yield Handler("fdecstp", step, (7,))
    yield Handler("ffree", free_register, (False,))
    yield Handler("ffreep", free_register, (True,))
