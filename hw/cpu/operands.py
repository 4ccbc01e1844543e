"""Operands of decoded instructions: byte offsets of registers, addresses of memory operands.

State: none. Context: Python, while decoding.
"""

import re
from typing import Any, Final

from iced_x86 import InstructionInfoFactory, MemorySizeExt, OpAccess, OpKind, Register

from hw.cpu.block_builder import ADDRESS, BARRIER, NONE, ZERO, BlockBuilder
from hw.cpu.semantics.segment import OPERAND_NARROW, OPERAND_WRITTEN
from hw.cpu.state import MODE_LEGACY, CpuState
from hw.spec.registers import GPR_NAMES

REGISTER_KIND: Final = OpKind.REGISTER

_LEGACY: Final = {"A": 0, "C": 1, "D": 2, "B": 3}


def _offsets() -> dict[int, int]:
    table: dict[int, int] = {Register.NONE: ZERO, Register.RIP: ZERO, Register.EIP: ZERO}
    for name, value in vars(Register).items():
        if not isinstance(value, int):
            continue
        number = re.fullmatch(r"R(\d+)[DWL]?", name)
        if number:
            table[value] = int(number[1]) * 8
        elif re.fullmatch(r"[ABCD][LH]", name):
            table[value] = _LEGACY[name[0]] * 8 + (name[1] == "H")
        else:
            plain = re.fullmatch(r"(?:[RE])?([A-D]X|[SB]P|[SD]I)L?", name)
            if plain:
                table[value] = GPR_NAMES.index("r" + plain[1].lower()) * 8
    return table


#: Byte offset in CpuState of each register that iced knows.
OFFSET: Final = _offsets()
_SEGMENT_BASE: Final = {
    Register.FS: CpuState.offset_of("fs_base"),
    Register.GS: CpuState.offset_of("gs_base"),
}
_NARROW: Final = frozenset(
    value
    for name, value in vars(Register).items()
    if isinstance(value, int) and (re.fullmatch(r"E[A-Z]{2}|R\d+D", name))
)


def segment_base(i: Any) -> int:
    """Operand offset of the base of the instruction's data segment: FS, GS, or zero."""
    return _SEGMENT_BASE.get(i.memory_segment, ZERO)


#: Shift for each factor of an index.
_SCALE: Final = (0, 0, 1, 0, 2, 0, 0, 0, 3)
#: base, index, scale, disp; index is ZERO where the form is "m".
Place = tuple[int, int, int, int]


def memory(d: BlockBuilder, i: Any, *, indexed: bool, segment: bool = True) -> Place:
    """The memory operand of an instruction, as fields of a micro-op.

    A segment base, 32-bit addressing, or an index where the handler has no form for it
    (``indexed`` is false) is computed by a micro-op of its own; LEA takes no segment base.
    """
    if d.mode & MODE_LEGACY:
        return legacy_memory(d, i)
    base, index = i.memory_base, i.memory_index
    disp = i.memory_displacement
    override = _SEGMENT_BASE.get(i.memory_segment, ZERO) if segment else ZERO
    narrow = (
        base in _NARROW or index in _NARROW or (base == index == 0 and i.memory_displ_size == 4)
    )
    simple = override == ZERO and not narrow
    if simple and index == 0:
        return OFFSET[base], ZERO, 0, disp
    if simple and indexed:
        scale = _SCALE[i.memory_index_scale]
        return OFFSET[base], OFFSET[index], scale, disp
    scale = _SCALE[i.memory_index_scale]
    d.emit(
        d.number["ea32" if narrow else "ea"], NONE,
        b=override, base=OFFSET[base], index=OFFSET[index], scale=scale, disp=disp,
    )  # fmt: skip
    return ADDRESS, ZERO, 0, 0


#: Segment registers by encoding.
SEGMENTS: Final = (
    Register.ES, Register.CS, Register.SS, Register.DS, Register.FS, Register.GS,
)  # fmt: skip
_WRITES: Final = (
    OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE,
)  # fmt: skip
_INFO: Final = InstructionInfoFactory()


def is_narrow(i: Any) -> bool:
    """Whether a memory operand has a 16-bit address."""
    parts = {i.memory_base, i.memory_index} - {Register.NONE}
    if not parts:
        return bool(i.memory_displ_size == 2)
    return not parts & _NARROW


def legacy_memory(d: BlockBuilder, i: Any, more: int = 0, *, offset_only: bool = False) -> Place:
    """The memory operand of an instruction outside 64-bit mode: checked by a micro-op of its own.

    ``more`` is added to the displacement; ``offset_only`` leaves the segment out.
    """
    written = any(use.access in _WRITES for use in _INFO.info(i).used_memory())
    last = max(MemorySizeExt.size(i.memory_size), 1) - 1
    d.emit(
        d.number["operand_offset" if offset_only else "operand_address"], BARRIER,
        b=SEGMENTS.index(i.memory_segment),
        base=OFFSET[i.memory_base], index=OFFSET[i.memory_index],
        scale=(0, 0, 1, 0, 2, 0, 0, 0, 3)[i.memory_index_scale],
        disp=(i.memory_displacement + more) & 0xFFFF_FFFF,
        imm=last | OPERAND_WRITTEN * written | OPERAND_NARROW * is_narrow(i),
    )  # fmt: skip
    return ADDRESS, ZERO, 0, 0
