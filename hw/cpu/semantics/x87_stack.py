"""The x87 register stack, and how an instruction begins and ends.

An instruction is: ``begin`` (#NM, a pending #MF), operands, a pure function of hw.cpu.softfloat,
memory, ``note`` (the pointers to the last instruction), ``settle`` (exceptions), registers. So a
page fault in the middle leaves nothing changed. ST(n) is register R(TOP + n) at X87 + 16 * number.

Spec: AMD64 APM vol. 1, 6.2 and 6.8.
State: the x87 fields of CpuState. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import PLACE_BITS, MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import low, sext, u64
from hw.cpu.softfloat.number import (
    DEFAULT_EXPONENT,
    DEFAULT_SIGNIFICAND,
    DENORMAL,
    INVALID,
    OVERFLOW,
    ROUNDED_UP,
    UNDERFLOW,
    ZERO_DIVIDE,
)
from hw.cpu.state import CpuState
from hw.spec.registers import CR0_EM, CR0_TS
from hw.spec.vectors import DEVICE_NOT_AVAILABLE
from hw.spec.vectors import X87 as X87_ERROR

X87: Final = CpuState.offset_of("x87")

#: Status word: stack fault, summary of unmasked exceptions, busy, TOP, condition bits.
STACK_FAULT: Final = 1 << 6
SUMMARY: Final = 1 << 7
BUSY: Final = 1 << 15
TOP_SHIFT: Final = 11
TOP_MASK: Final = 7 << TOP_SHIFT
C1: Final = 1 << 9
CONDITIONS: Final = 1 << 8 | 1 << 10 | 1 << 14
EXCEPTIONS: Final = 0x3F

#: Exceptions found before the result is computed: not masked, they keep it from being stored.
EARLY: Final = INVALID | DENORMAL | ZERO_DIVIDE
#: Those that keep a result from being stored in memory.
UNSTORED: Final = EARLY | OVERFLOW | UNDERFLOW

#: What an empty operand or a full stack raises.
STACK_UNDERFLOW: Final = INVALID | STACK_FAULT
STACK_OVERFLOW: Final = INVALID | STACK_FAULT | ROUNDED_UP


def enabled(s: CpuState) -> None:
    """#NM where the operating system says there is no x87, or that its state is another's."""
    if s.cr0 & (CR0_EM | CR0_TS) != 0:
        exception(s, DEVICE_NOT_AVAILABLE, 0)
        leave_fault()


def begin(s: CpuState) -> None:
    """Start a waiting instruction: #NM, then #MF of an earlier one."""
    enabled(s)
    wait_for_error(s)


def wait_for_error(s: CpuState) -> None:
    """#MF of an earlier instruction."""
    if s.fpu_status & SUMMARY != 0:
        exception(s, X87_ERROR, 0)
        leave_fault()


def note(s: CpuState, u: MicroOp) -> None:
    """Remember the instruction (``imm`` is its opcode)."""
    s.fpu_instruction = sext(u.place, PLACE_BITS)
    s.fpu_opcode = u.imm


def settle(s: CpuState, flags: int, keeping: int) -> bool:
    """Enter exceptions in the status word; whether the result may be stored.

    ``keeping`` are the exceptions that, not masked, keep it from being stored. C1 is their
    ROUNDED_UP.
    """
    unmasked = flags & ~s.fpu_control & EXCEPTIONS
    seen = flags
    if unmasked & EARLY != 0 and flags & STACK_FAULT == 0:
        seen = flags & EARLY
    summary = SUMMARY | BUSY if unmasked != 0 else 0
    s.fpu_status = (s.fpu_status & ~C1) | seen | summary
    return unmasked & keeping == 0


def settle_keeping_c1(s: CpuState, flags: int, missing: bool) -> bool:
    """``settle`` for an instruction that leaves C1 alone but for a stack fault (``missing``)."""
    kept = 0 if missing else s.fpu_status & C1
    stored = settle(s, flags, EARLY)
    s.fpu_status = s.fpu_status | kept
    return stored


def top(s: CpuState) -> int:
    """Number of the register that is ST(0)."""
    return s.fpu_status >> TOP_SHIFT & 7


def number_of(s: CpuState, i: int) -> int:
    """Number of the register that is ST(i)."""
    return (top(s) + i) & 7


def is_empty(s: CpuState, i: int) -> bool:
    """Whether ST(i) is empty."""
    return s.fpu_tags >> number_of(s, i) & 1 == 0


def read(s: CpuState, i: int) -> tuple[int, int]:
    """Sign with exponent, and significand, of ST(i)."""
    place = X87 + number_of(s, i) * 16
    return get(s, place + 8, 16), get(s, place, 64)


def write(s: CpuState, i: int, se: int, m: int) -> None:
    """Write ST(i); it is empty no more."""
    number = number_of(s, i)
    put(s, X87 + number * 16, 64, m)
    put(s, X87 + number * 16 + 8, 64, low(se, 16))
    s.fpu_tags = s.fpu_tags | 1 << number


def rotate(s: CpuState, by: int) -> None:
    """Add to TOP."""
    s.fpu_status = (s.fpu_status & ~TOP_MASK) | ((top(s) + by) & 7) << TOP_SHIFT


def push(s: CpuState, se: int, m: int) -> None:
    """Make a number the new ST(0)."""
    rotate(s, 7)
    write(s, 0, se, m)


def free(s: CpuState, i: int) -> None:
    """Make ST(i) empty."""
    s.fpu_tags = s.fpu_tags & ~(1 << number_of(s, i))


def pop(s: CpuState) -> None:
    """Drop ST(0)."""
    free(s, 0)
    rotate(s, 1)


def replace(s: CpuState, missing: bool, se: int, m: int, flags: int) -> bool:
    """The result of an operation on ST(0), in its place; whether it was stored."""
    if missing:
        se = DEFAULT_EXPONENT
        m = DEFAULT_SIGNIFICAND
        flags = STACK_UNDERFLOW
    stored = settle(s, flags, EARLY)
    if stored:
        write(s, 0, se, m)
    return stored


def load80(s: CpuState, place: int) -> tuple[int, int]:
    """Ten bytes of memory."""
    m = load(s, place, 64)
    return load(s, u64(place + 8), 16), m


def store80(s: CpuState, place: int, se: int, m: int) -> None:
    """Ten bytes to memory; both ends are checked before the first is written."""
    if place & 0xFFF > 4096 - 10:
        load_for_update(s, place, 64)
        load_for_update(s, u64(place + 8), 16)
    store(s, place, 64, m)
    store(s, u64(place + 8), 16, se)
