"""x87: trigonometric functions, logarithms, powers of two.

Results are those of hw.cpu.softfloat, the same on every host.

Spec: AMD64 APM vol. 5, F2XM1 FCOS FPATAN FPTAN FSIN FSINCOS FYL2X FYL2XP1.
State: the x87 fields of CpuState. Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hw.cpu.micro_op import MicroOp
from hw.cpu.semantics.handler import Handler
from hw.cpu.semantics.x87_stack import (
    C1,
    EARLY,
    STACK_OVERFLOW,
    STACK_UNDERFLOW,
    begin,
    is_empty,
    note,
    pop,
    push,
    read,
    replace,
    settle,
    write,
)
from hw.cpu.softfloat.logarithm import power_minus_1, y_log2_x, y_log2_x_plus_1
from hw.cpu.softfloat.number import (
    BIAS,
    DEFAULT_EXPONENT,
    DEFAULT_SIGNIFICAND,
    TOP,
    is_number,
)
from hw.cpu.softfloat.trigonometry import arc_tangent, cosine, in_range, sine, tangent
from hw.cpu.state import CpuState

#: Status bit C2: the argument is out of range, nothing was done.
_OUT_OF_RANGE: Final = 1 << 10


def _accepted(s: CpuState, pushes: bool) -> tuple[bool, int, int]:
    """Whether ST(0) can be computed with, and what it is; if not, all is settled.

    An empty operand or a full stack are faults; an argument out of range sets C2, nothing else.
    """
    se, m = read(s, 0)
    s.fpu_status = s.fpu_status & ~(C1 | _OUT_OF_RANGE)
    if is_empty(s, 0) or (pushes and not is_empty(s, 7)):
        flags = STACK_UNDERFLOW if is_empty(s, 0) else STACK_OVERFLOW
        if settle(s, flags, EARLY):
            write(s, 0, DEFAULT_EXPONENT, DEFAULT_SIGNIFICAND)
            if pushes:
                push(s, DEFAULT_EXPONENT, DEFAULT_SIGNIFICAND)
        return False, se, m
    if not in_range(se, m):
        s.fpu_status = s.fpu_status | _OUT_OF_RANGE
        return False, se, m
    return True, se, m


def circular(s: CpuState, u: MicroOp, is_sine: bool) -> None:
    """FSIN, FCOS."""
    begin(s)
    note(s, u)
    accepted, se, m = _accepted(s, False)
    if accepted:
        if is_sine:
            se, m, flags = sine(s.fpu_control, se, m)
        else:
            se, m, flags = cosine(s.fpu_control, se, m)
        replace(s, False, se, m, flags)


def sine_cosine(s: CpuState, u: MicroOp) -> None:
    """FSINCOS: the cosine ends up on top."""
    begin(s)
    note(s, u)
    accepted, se, m = _accepted(s, True)
    if accepted:
        se_a, m_a, flags_a = sine(s.fpu_control, se, m)
        se_b, m_b, flags_b = cosine(s.fpu_control, se, m)
        if settle(s, (flags_a & ~C1) | flags_b, EARLY):
            write(s, 0, se_a, m_a)
            push(s, se_b, m_b)


def partial_tangent(s: CpuState, u: MicroOp) -> None:
    """FPTAN: the tangent, and 1 on top."""
    begin(s)
    note(s, u)
    accepted, se, m = _accepted(s, True)
    if accepted:
        se, m, flags = tangent(s.fpu_control, se, m)
        number = is_number(se, m)
        if settle(s, flags, EARLY):
            write(s, 0, se, m)
            push(s, BIAS if number else se, TOP if number else m)


def of_two(s: CpuState, u: MicroOp, name: str) -> None:
    """FPATAN, FYL2X, FYL2XP1: the result replaces ST(1), ST(0) is dropped."""
    begin(s)
    note(s, u)
    se_x, m_x = read(s, 0)
    se_y, m_y = read(s, 1)
    if name == "fpatan":
        se, m, flags = arc_tangent(s.fpu_control, se_y, m_y, se_x, m_x)
    elif name == "fyl2x":
        se, m, flags = y_log2_x(s.fpu_control, se_y, m_y, se_x, m_x)
    else:
        se, m, flags = y_log2_x_plus_1(s.fpu_control, se_y, m_y, se_x, m_x)
    if is_empty(s, 0) or is_empty(s, 1):
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    if settle(s, flags, EARLY):
        write(s, 1, se, m)
        pop(s)


def f2xm1(s: CpuState, u: MicroOp) -> None:
    """F2XM1."""
    begin(s)
    note(s, u)
    se, m = read(s, 0)
    se, m, flags = power_minus_1(s.fpu_control, se, m)
    replace(s, is_empty(s, 0), se, m, flags)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("fsin", circular, (True,))
    yield Handler("fcos", circular, (False,))
    plain: dict[str, Callable[..., Any]] = {
        "fsincos": sine_cosine, "fptan": partial_tangent, "f2xm1": f2xm1,
    }  # fmt: skip
    for name, form in plain.items():
        yield Handler(name, form)
    for name in ("fpatan", "fyl2x", "fyl2xp1"):
        yield Handler(name, of_two, (name,))
