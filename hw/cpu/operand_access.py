"""Operands of a decoded instruction, read and written from Python.

In 64-bit mode an address has to be canonical; elsewhere it goes through its segment, with the same
checks as native code makes (hw.cpu.semantics.segment).

State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Any, Final

from iced_x86 import Code, CodeSize, MemorySizeExt, Mnemonic, OpKind, Register, RegisterExt

from hw.cpu import memory_primitives, mode
from hw.cpu.exits import CpuFault
from hw.cpu.operands import OFFSET, SEGMENTS
from hw.cpu.semantics.segment import linear_address
from hw.spec.address import is_canonical
from hw.spec.vectors import GENERAL_PROTECTION, STACK

if TYPE_CHECKING:
    from hw.cpu.core import Core

#: Names of iced's codes and mnemonics.
CODE_NAMES: Final = {v: k for k, v in vars(Code).items() if isinstance(v, int)}
MNEMONIC_NAMES: Final = {v: k for k, v in vars(Mnemonic).items() if isinstance(v, int)}
_STATED: Final = {"W": 2, "D": 4, "Q": 8}
_MASK64: Final = (1 << 64) - 1
_STACK_BASES: Final = (Register.RSP, Register.RBP, Register.ESP, Register.EBP)
_PORT_STRINGS: Final = frozenset((
    Mnemonic.INSB, Mnemonic.INSW, Mnemonic.INSD, Mnemonic.OUTSB, Mnemonic.OUTSW, Mnemonic.OUTSD,
))  # fmt: skip
_BASED: Final = (Register.FS, Register.GS)


_ADDRESS_BITS: Final = {
    CodeSize.UNKNOWN: 64, CodeSize.CODE16: 16, CodeSize.CODE32: 32, CodeSize.CODE64: 64,
}  # fmt: skip


def address_bits(i: Any) -> int:
    """Width of a memory operand's address."""
    parts = [register for register in (i.memory_base, i.memory_index) if register]
    if parts:
        return RegisterExt.size(parts[0]) * 8 if parts[0] != Register.EIP else 32
    return int(i.memory_displ_size * 8) or 64


def is_on_stack(i: Any) -> bool:
    """Whether a memory operand is in the stack segment: the base register decides.

    64-bit mode ignores overrides but those of FS and GS.
    """
    return i.memory_base in _STACK_BASES and i.memory_segment not in _BASED


def vector_of(i: Any) -> int:
    """#SS if an instruction accesses memory through the stack segment, else #GP."""
    if i is None:
        return GENERAL_PROTECTION
    pushes = i.is_stack_instruction and i.op0_kind != OpKind.MEMORY
    return STACK if pushes or is_on_stack(i) else GENERAL_PROTECTION


class Operands:
    """The operands of one instruction that is about to be executed."""

    __slots__ = ("_core", "i")

    def __init__(self, core: "Core", i: Any) -> None:
        self._core = core
        self.i = i

    def stated_size(self) -> int:
        """Bytes that the last letter of the form's mnemonic states, as in PUSHFQ."""
        return _STATED[CODE_NAMES[self.i.code].split("_")[0][-1]]

    def register(self, register: Any) -> int:
        """Value of a general register, at its own width."""
        if register in (Register.RIP, Register.EIP):
            return 0
        bits = RegisterExt.size(register) * 8
        return memory_primitives.get(self._core.state, OFFSET[register], bits)

    def set_register(self, register: Any, value: int) -> None:
        """Write a general register, as its width has it."""
        bits = RegisterExt.size(register) * 8
        memory_primitives.put(self._core.state, OFFSET[register], bits, value & (1 << bits) - 1)

    def _sum(self, base: int, index: int, scale: int, displacement: int) -> int:
        """Base + index * scale + displacement; Register.NONE counts as 0."""
        total = displacement + (self.register(base) if base else 0)
        return total + (self.register(index) * scale if index else 0)

    def offset(self) -> int:
        """Effective address of the memory operand, without its segment."""
        i = self.i
        total = self._sum(
            i.memory_base, i.memory_index, i.memory_index_scale, i.memory_displacement
        )
        return int(total & (1 << address_bits(i)) - 1)

    def linear(
        self, segment: int, offset: int, size: int, *, write: bool = False, on_stack: bool = False
    ) -> int:
        """Linear address of ``size`` bytes at an offset in a segment (iced's register).

        Raises:
            CpuFault: #GP or #SS.

        """
        state = self._core.state
        number = SEGMENTS.index(segment)
        if mode.is_64(state):
            base = (state.fs_base, state.gs_base)[number - 4] if number >= 4 else 0
            address = (base + offset) & _MASK64
            if not (is_canonical(address) and is_canonical((address + size - 1) & _MASK64)):
                raise CpuFault(STACK if on_stack and number < 4 else GENERAL_PROTECTION)
            return address
        address = linear_address(state, number, offset, size - 1, int(write))
        if state.fault:
            state.fault = 0
            raise CpuFault(state.exit_vector)
        return address

    def address(self, size: int, *, write: bool = False) -> int:
        """Linear address of the memory operand.

        Raises:
            CpuFault: #GP or #SS.

        """
        i = self.i
        return self.linear(
            i.memory_segment, self.offset(), size, write=write, on_stack=is_on_stack(i)
        )

    def used_address(self, use: Any) -> tuple[int, int]:
        """Linear address and size of what iced says an instruction touches."""
        state = self._core.state
        total = self._sum(use.base, use.index, use.scale, use.displacement)
        offset = total & (1 << _ADDRESS_BITS[use.address_size]) - 1
        number = SEGMENTS.index(use.segment)
        size = max(MemorySizeExt.size(use.memory_size), 1)
        names = ("es", "cs", "ss", "ds", "fs", "gs")
        if mode.is_64(state) and number < 4:
            return offset & _MASK64, size
        return (getattr(state, f"{names[number]}_base") + offset) & _MASK64, size

    def port(self) -> tuple[int, int] | None:
        """First port and number of ports that IN, OUT, INS or OUTS uses; None of others."""
        i = self.i
        if i.mnemonic in _PORT_STRINGS:
            return self.register(Register.DX), MemorySizeExt.size(i.memory_size)
        if i.mnemonic not in (Mnemonic.IN, Mnemonic.OUT):
            return None
        place, value = (1, 0) if i.mnemonic == Mnemonic.IN else (0, 1)
        fixed = i.op_kind(place) == OpKind.IMMEDIATE8
        port = int(i.immediate(place)) if fixed else self.register(Register.DX)
        return port, RegisterExt.size(i.op_register(value))

    def is_register(self, number: int) -> bool:
        """Whether an operand is a register."""
        return bool(self.i.op_kind(number) == OpKind.REGISTER)

    def is_immediate(self, number: int) -> bool:
        """Whether an operand stands in the instruction."""
        return self.i.op_kind(number) not in (OpKind.REGISTER, OpKind.MEMORY)

    def read(self, number: int, size: int) -> int:
        """Read a register or memory operand of ``size`` bytes.

        Raises:
            CpuFault: #GP, #SS, #PF.

        """
        if self.is_register(number):
            return self.register(self.i.op_register(number)) & (1 << 8 * size) - 1
        return self._core.memory.read(self.address(size), size)

    def write(self, number: int, size: int, value: int) -> None:
        """Write a register at its own width, or ``size`` bytes of memory.

        Raises:
            CpuFault: #GP, #SS, #PF.

        """
        if self.is_register(number):
            self.set_register(self.i.op_register(number), value)
        else:
            self._core.memory.write(self.address(size, write=True), size, value)
