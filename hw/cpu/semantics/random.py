"""RDRAND and RDSEED: out to Python, which has the entropy (hw.cpu.entropy).

Spec: AMD64 APM vol. 3, RDRAND RDSEED.
Context: native code, oracle.
"""

from collections.abc import Iterator

from hw.cpu.control import budget_left, leave
from hw.cpu.exits import EXIT_RANDOM
from hw.cpu.micro_op import MicroOp
from hw.cpu.primitives import u64
from hw.cpu.semantics.handler import Handler, position
from hw.cpu.state import CpuState


def random(s: CpuState, u: MicroOp, bits: int) -> None:
    """Leave after the instruction (``imm``), asking for a register's worth of random bits."""
    s.rip = u.imm
    s.exit_reason = EXIT_RANDOM
    s.exit_vector = u.a
    s.exit_error = bits
    leave(u64(budget_left() - position(u) - 1))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in (16, 32, 64):
        yield Handler(f"random{bits}", random, (bits,))
