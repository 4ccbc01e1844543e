"""A handler: one subset function with its compile-time constants, known by a name and a number.

Names say operation, size and operand form, as in ``add32_rm``: r register, i immediate, m memory at
base + disp, x memory at base + index << scale + disp; a trailing ``_nf`` writes no flags.

State: none. Context: any.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hw.cpu.control import budget_left, leave
from hw.cpu.memory_primitives import get
from hw.cpu.micro_op import PLACE_BITS, MicroOp
from hw.cpu.primitives import sext, u64
from hw.cpu.state import CpuState

SIZES: Final = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Handler:
    """``form(state, micro_op, *constants)``; an ender passes control on by itself."""

    name: str
    form: Callable[..., Any]
    constants: tuple[Any, ...] = ()
    second: "Handler | None" = None  #: done at once after it, with the next micro-op
    link: str = ""  #: field of the next micro-op that is known to equal this one's ``a``


def address(s: CpuState, u: MicroOp, form: str) -> int:
    """Effective address: form "m" is base + disp, "x" adds the scaled index."""
    if form == "m":
        return u64(get(s, u.base, 64) + u.disp)
    return u64(get(s, u.base, 64) + (get(s, u.index, 64) << u.scale) + u.disp)


def position(u: MicroOp) -> int:
    """How many instructions of the block ran before this one."""
    return u.place >> 48


def fault_exit(s: CpuState, u: MicroOp) -> None:
    """What ``leave_fault`` does: rip of the instruction at hand, exact count, out."""
    s.rip = sext(u.place, PLACE_BITS)
    s.fault = 0
    leave(u64(budget_left() - position(u)))
