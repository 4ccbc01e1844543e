"""Push, pop, stack frames and the flags register.

Spec: AMD64 APM vol. 3, PUSH POP LEAVE ENTER PUSHF POPF LAHF SAHF CLC STC CMC CLD STD.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.control import budget_left, leave
from hw.cpu.exits import EXIT_SYSTEM
from hw.cpu.flags import flags_now, set_ready
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import low, u64
from hw.cpu.semantics.handler import Handler, address, position
from hw.cpu.semantics.system import leave_undone
from hw.cpu.state import CpuState
from hw.spec.registers import (
    RFLAGS_AC,
    RFLAGS_CF,
    RFLAGS_DF,
    RFLAGS_FIXED,
    RFLAGS_FREE,
    RFLAGS_IF,
    RFLAGS_IOPL,
    RFLAGS_NT,
    RFLAGS_OF,
    RFLAGS_RF,
    RFLAGS_STATUS,
    RFLAGS_TF,
    RFLAGS_VM,
)

#: What else a kernel may change, or what has more consequences.
_POPF_KERNEL: Final = RFLAGS_TF | RFLAGS_NT | RFLAGS_AC | RFLAGS_IOPL | RFLAGS_IF
_SAHF_MASK: Final = RFLAGS_STATUS & 0xFF


def _push(s: CpuState, bits: int, value: int) -> None:
    top = u64(s.rsp - bits // 8)
    store(s, top, bits, value)
    s.rsp = top


def push_r(s: CpuState, u: MicroOp, bits: int) -> None:
    """Push a register."""
    _push(s, bits, get(s, u.b, bits))


def push_i(s: CpuState, u: MicroOp, bits: int) -> None:
    """Push an immediate."""
    _push(s, bits, low(u.imm, bits))


def push_m(s: CpuState, u: MicroOp, bits: int) -> None:
    """Push a memory operand."""
    _push(s, bits, load(s, address(s, u, "m"), bits))


def pop_r(s: CpuState, u: MicroOp, bits: int) -> None:
    """Pop into a register; into rsp, the value wins over the increment."""
    value = load(s, s.rsp, bits)
    s.rsp = u64(s.rsp + bits // 8)
    put(s, u.a, bits, value)


def pop_m(s: CpuState, u: MicroOp, bits: int) -> None:
    """Pop into memory; an address with rsp uses the incremented one (``imm`` tells by how much)."""
    value = load(s, s.rsp, bits)
    store(s, u64(address(s, u, "m") + u.imm), bits, value)
    s.rsp = u64(s.rsp + bits // 8)


def leave_frame(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """LEAVE."""
    frame = s.rbp
    s.rbp = load(s, frame, 64)
    s.rsp = u64(frame + 8)


def enter_frame(s: CpuState, u: MicroOp) -> None:
    """ENTER imm (bytes), nesting level disp (0 to 31)."""
    top = u64(s.rsp - 8)
    store(s, top, 64, s.rbp)
    frame = top
    copied = 1
    while copied < u.disp:
        value = load(s, u64(s.rbp - 8 * copied), 64)
        top = u64(top - 8)
        store(s, top, 64, value)
        copied += 1
    if u.disp != 0:
        top = u64(top - 8)
        store(s, top, 64, frame)
    new = u64(top - u.imm)
    load_for_update(s, new, 64)
    s.rsp = new
    s.rbp = frame


def pushf(s: CpuState, u: MicroOp, bits: int) -> None:  # noqa: ARG001
    """PUSHF; RF and VM read as 0."""
    _push(s, bits, low(flags_now(s) & ~(RFLAGS_RF | RFLAGS_VM), bits))


def popf(s: CpuState, u: MicroOp, bits: int) -> None:
    """POPF; with TF set the next instruction (at ``imm``) is traced.

    In vector mode more may be changed, and from most of that something else follows: Python's.
    """
    value = load(s, s.rsp, bits)
    mask = low(RFLAGS_FREE, bits)
    old = flags_now(s) & ~RFLAGS_RF
    if s.vectors != 0:
        allowed = RFLAGS_IF if s.cpl <= old >> 12 & 3 else 0
        changed = (old ^ value) & low(_POPF_KERNEL, bits)
        if changed & ~allowed != 0 or (changed != 0 and s.held != 0):
            leave_undone(s, u, EXIT_SYSTEM)
        mask |= allowed
    s.rsp = u64(s.rsp + bits // 8)
    s.rflags = (old & ~mask) | (value & mask) | RFLAGS_FIXED
    if s.rflags & RFLAGS_TF != 0:
        s.rip = u.imm
        s.link_slot = 0
        leave(u64(budget_left() - position(u) - 1))


def lahf(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Low byte of the flags to AH."""
    put(s, 1, 8, flags_now(s))


def sahf(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """AH to the low byte of the flags."""
    set_ready(s, (flags_now(s) & RFLAGS_OF) | (get(s, 1, 8) & _SAHF_MASK))


def clc(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Clear carry."""
    s.rflags = flags_now(s) & ~RFLAGS_CF


def stc(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Set carry."""
    s.rflags = flags_now(s) | RFLAGS_CF


def cmc(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Complement carry."""
    s.rflags = flags_now(s) ^ RFLAGS_CF


def cld(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Strings go upwards."""
    s.rflags = s.rflags & ~RFLAGS_DF


def std(s: CpuState, u: MicroOp) -> None:  # noqa: ARG001
    """Strings go downwards."""
    s.rflags = s.rflags | RFLAGS_DF


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in (16, 64):
        yield Handler(f"push{bits}_r", push_r, (bits,))
        yield Handler(f"push{bits}_i", push_i, (bits,))
        yield Handler(f"push{bits}_m", push_m, (bits,))
        yield Handler(f"pop{bits}_r", pop_r, (bits,))
        yield Handler(f"pop{bits}_m", pop_m, (bits,))
        yield Handler(f"pushf{bits}", pushf, (bits,))
        yield Handler(f"popf{bits}", popf, (bits,))
    yield Handler("leave", leave_frame)
    yield Handler("enter", enter_frame)
    for form in (lahf, sahf, clc, stc, cmc, cld, std):
        yield Handler(form.__name__, form)
