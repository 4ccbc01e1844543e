"""MMX: encodings with an MMX register.

Operands of MMX and vector registers are offsets 16 n.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from iced_x86 import OpKind, Register

from hw.cpu.block_builder import BARRIER, ZERO, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, simple, two_forms
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory, segment_base
from hw.cpu.semantics.mmx_names import (
    FROM_MMX,
    JOINED,
    PLAIN,
    SHIFTS,
    TO_MMX,
    UNPACK_HIGH,
    UNPACK_LOW,
)

_NARROW_RDI: Final = OpKind.MEMORY_SEG_EDI
#: Operand tokens of iced's codes that make an encoding one of MMX.
TOKENS: Final = frozenset(("MM", "MMM32", "MMM64"))


def _offset(register: int) -> int:
    """Operand offset of an MMX, vector or general register."""
    for first in (Register.MM0, Register.XMM0):
        if first <= register < first + (8 if first == Register.MM0 else 16):
            return (register - first) * 16
    return OFFSET[register]


def _two(name: str, *, imm_mask: int = 0) -> Build:
    """Register and register or memory, perhaps an immediate: handlers _rr and _rm."""
    rr, rm = NUMBER[f"mm_{name}_rr"], NUMBER[f"mm_{name}_rm"]

    def build(d: BlockBuilder, i: Any) -> None:
        a = _offset(i.op0_register)
        imm = i.immediate(2) & imm_mask if imm_mask else 0
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, BARRIER, a=a, b=_offset(i.op1_register), imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, BARRIER, a=a, base=base, disp=disp, imm=imm)

    return build


def _operation(mnemonic: str, _: list[str]) -> Build:
    return _two(mnemonic)


def _with_immediate(mask: int) -> Factory:
    return lambda mnemonic, _: _two(mnemonic, imm_mask=mask)


def _shift(mnemonic: str, tokens: list[str]) -> Build:
    if not tokens[1].startswith("IMM"):
        return _two(mnemonic)
    number = NUMBER[f"mm_{mnemonic}_ri"]

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, BARRIER, a=_offset(i.op0_register), imm=i.immediate(1) & 0xFF)

    return build


def _move(mnemonic: str, tokens: list[str]) -> Build:
    """MOVD, MOVQ, MOVNTQ: memory, a general register, or another MMX register."""
    bits = 32 if mnemonic == "movd" else 64
    rm, mr = two_forms(f"mm_mov{bits}_r?"), two_forms(f"mm_mov{bits}_?r")
    between = "mm_mov_rr"
    if tokens[0].startswith("RM"):
        between = f"mm_to{bits}"
    elif tokens[1].startswith("RM"):
        between = f"mm_from{bits}"
    rr = NUMBER[between]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND and i.op1_kind == REGISTER_KIND:
            d.emit(rr, BARRIER, a=_offset(i.op0_register), b=_offset(i.op1_register))
            return
        base, index, scale, disp = memory(d, i, indexed=True)
        place = {"base": base, "index": index, "scale": scale, "disp": disp}
        if i.op0_kind == REGISTER_KIND:
            d.emit(rm[index != ZERO], BARRIER, a=_offset(i.op0_register), **place)
        else:
            d.emit(mr[index != ZERO], BARRIER, b=_offset(i.op1_register), **place)

    return build


def _registers(name: str, *, imm_mask: int = 0) -> Factory:
    """Two registers, perhaps an immediate."""

    def factory(_: str, __: list[str]) -> Build:
        number = NUMBER[name]

        def build(d: BlockBuilder, i: Any) -> None:
            imm = i.immediate(2) & imm_mask if imm_mask else 0
            a, b = _offset(i.op0_register), _offset(i.op1_register)
            d.emit(number, BARRIER, a=a, b=b, imm=imm)

        return build

    return factory


def _masked_store(_: str, __: list[str]) -> Build:
    number = NUMBER["maskmovq"]

    def build(d: BlockBuilder, i: Any) -> None:
        narrow = i.op0_kind == _NARROW_RDI
        d.emit(
            number, BARRIER, a=_offset(i.op1_register), b=_offset(i.op2_register),
            base=segment_base(i), disp=0xFFFF_FFFF if narrow else (1 << 64) - 1,
        )  # fmt: skip

    return build


#: By mnemonic; only encodings with MMX registers come here.
TABLE: Final[dict[str, Factory]] = {
    **{n.upper(): _operation for n in (*PLAIN, *JOINED, *UNPACK_LOW, *UNPACK_HIGH, "pshufb")},
    **{n.upper(): _operation for n in (*FROM_MMX, *TO_MMX)},
    **{n.upper(): _shift for n in SHIFTS},
    **dict.fromkeys(("PSHUFW", "PALIGNR"), _with_immediate(0xFF)),
    "PINSRW": _with_immediate(3),
    **dict.fromkeys(("MOVD", "MOVQ", "MOVNTQ"), _move),
    "PEXTRW": _registers("mm_pextrw", imm_mask=3), "PMOVMSKB": _registers("mm_pmovmskb"),
    "MOVQ2DQ": _registers("movq2dq"), "MOVDQ2Q": _registers("movdq2q"),
    "MASKMOVQ": _masked_store,
}  # fmt: skip
CONTROL: Final[dict[str, Factory]] = {"EMMS": simple("emms", BARRIER)}
