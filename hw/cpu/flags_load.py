"""RFLAGS as POPF and IRET load it: which bits, by privilege and operand size.

Spec: AMD64 APM vol. 3, POPF IRET. State: CpuState. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING

from hw.cpu import mode
from hw.spec.registers import RFLAGS_FIXED, RFLAGS_FREE, RFLAGS_IF, RFLAGS_IOPL, RFLAGS_RF

if TYPE_CHECKING:
    from hw.cpu.core import Core


def load_flags(core: "Core", value: int, size: int, level: int, *, with_rf: bool) -> None:
    """Load ``size`` bytes of RFLAGS for an instruction that began at privilege ``level``."""
    state = core.state
    mask = RFLAGS_FREE | (RFLAGS_RF if with_rf else 0)
    if level == 0:
        mask |= RFLAGS_IOPL
    if level <= (state.rflags >> 12 & 3):
        mask |= RFLAGS_IF
    if size == 2:
        mask &= 0xFFFF
    state.rflags = (state.rflags & ~mask) | (value & mask) | RFLAGS_FIXED
    mode.update(core)
