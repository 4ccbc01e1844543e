"""String instructions that Python executes: INS and OUTS, and all of them outside 64-bit mode.

One iteration at a time, counters and pointers updated after each, so a fault leaves the instruction
restartable.

Spec: AMD64 APM vol. 3, 1.2.6 (REP), INS OUTS MOVS STOS LODS SCAS CMPS.
State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from iced_x86 import OpKind, Register

from hw.cpu import memory_primitives, mode, port_io
from hw.cpu.operand_access import MNEMONIC_NAMES, Operands
from hw.spec.registers import (
    RFLAGS_AF,
    RFLAGS_CF,
    RFLAGS_DF,
    RFLAGS_OF,
    RFLAGS_PF,
    RFLAGS_SF,
    RFLAGS_STATUS,
    RFLAGS_TF,
    RFLAGS_ZF,
)

if TYPE_CHECKING:
    from hw.cpu.core import Core

_SIZES: Final = {"B": 1, "W": 2, "D": 4, "Q": 8}
_WIDTHS: Final = {
    OpKind.MEMORY_SEG_SI: 16, OpKind.MEMORY_ESDI: 16, OpKind.MEMORY_SEG_ESI: 32,
    OpKind.MEMORY_ESEDI: 32, OpKind.MEMORY_SEG_RSI: 64, OpKind.MEMORY_ESRDI: 64,
}  # fmt: skip
_RCX: Final = 1 * 8
_RSI: Final = 6 * 8
_RDI: Final = 7 * 8


class _String:
    """One string instruction on its way."""

    def __init__(self, core: "Core", op: Operands) -> None:
        name = MNEMONIC_NAMES[op.i.mnemonic]
        self.core = core
        self.op = op
        self.kind = name[:-1]
        self.size = _SIZES[name[-1]]
        kinds = (op.i.op0_kind, op.i.op1_kind)
        self.bits = next(_WIDTHS[kind] for kind in kinds if kind in _WIDTHS)
        self.segment = op.i.memory_segment or Register.DS

    def get(self, offset: int) -> int:
        """Value of a counter or pointer at the address width."""
        return memory_primitives.get(self.core.state, offset, self.bits)

    def move(self, offset: int, by: int) -> None:
        """Advance a counter or pointer."""
        mask = (1 << self.bits) - 1
        memory_primitives.put(self.core.state, offset, self.bits, (self.get(offset) + by) & mask)

    def source(self) -> int:
        """Linear address of the element at rsi."""
        return self.op.linear(self.segment, self.get(_RSI), self.size)

    def target(self, *, write: bool) -> int:
        """Linear address of the element at es:rdi."""
        return self.op.linear(Register.ES, self.get(_RDI), self.size, write=write)

    def step(self) -> None:
        """Do one element."""
        core, size, memory = self.core, self.size, self.core.memory
        state = core.state
        by = -size if state.rflags & RFLAGS_DF else size
        mask = (1 << 8 * size) - 1
        port = state.rdx & 0xFFFF
        if self.kind == "INS":
            place = self.target(write=True)
            memory.translate(place, 2)
            memory.write(place, size, core.ports.read(port, size))
        elif self.kind == "OUTS":
            core.ports.write(port, size, memory.read(self.source(), size))
        elif self.kind == "MOVS":
            memory.write(self.target(write=True), size, memory.read(self.source(), size))
        elif self.kind == "STOS":
            memory.write(self.target(write=True), size, state.rax & mask)
        elif self.kind == "LODS":
            memory_primitives.put(state, 0, 8 * size, memory.read(self.source(), size))
        elif self.kind == "SCAS":
            set_compare_flags(
                core, state.rax & mask, memory.read(self.target(write=False), size), size
            )
        else:
            left = memory.read(self.source(), size)
            right = memory.read(self.target(write=False), size)
            set_compare_flags(core, left, right, size)
        if self.kind in ("OUTS", "MOVS", "LODS", "CMPS"):
            self.move(_RSI, by)
        if self.kind in ("INS", "MOVS", "STOS", "SCAS", "CMPS"):
            self.move(_RDI, by)


def set_compare_flags(core: "Core", left: int, right: int, size: int) -> None:
    """Status flags of left - right."""
    bits = 8 * size
    result = (left - right) & (1 << bits) - 1
    sign = 1 << (bits - 1)
    flags = RFLAGS_CF if left < right else 0
    flags |= RFLAGS_PF if (result & 0xFF).bit_count() % 2 == 0 else 0
    flags |= RFLAGS_AF if (left ^ right ^ result) & 0x10 else 0
    flags |= RFLAGS_ZF if result == 0 else 0
    flags |= RFLAGS_SF if result & sign else 0
    flags |= RFLAGS_OF if (left ^ right) & (left ^ result) & sign else 0
    core.state.rflags = (core.state.rflags & ~RFLAGS_STATUS) | flags


def execute(core: "Core", op: Operands) -> None:
    """Do all iterations of a string instruction; one of them where they are stepped through.

    Raises:
        CpuFault: an iteration faulted; those before it are done.

    """
    string = _String(core, op)
    if string.kind in ("INS", "OUTS"):
        port_io.check(core, core.state.rdx & 0xFFFF, string.size)
    repeats = op.i.has_repe_prefix or op.i.has_repne_prefix
    if not repeats:
        string.step()
        return
    state = core.state
    compares = string.kind in ("SCAS", "CMPS")
    while string.get(_RCX):
        string.step()
        string.move(_RCX, -1)
        equal = bool(state.rflags & RFLAGS_ZF)
        if compares and equal == bool(op.i.has_repne_prefix):
            break
        if string.get(_RCX) and (state.careful or state.rflags & RFLAGS_TF):
            mode.set_ip(state, op.i.ip)
            state.instructions -= 1
            break
