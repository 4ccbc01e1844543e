"""SSE and SSE2; also SSE3 floating point, which has the same shapes.

Offsets of vector registers are 16 n, within ``hw.cpu.semantics.sse.XMM``.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from iced_x86 import Register

from hw.cpu.block_builder import BARRIER, NONE, WRITES, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of, two_forms
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory
from hw.cpu.semantics.sse_names import (
    COMPARES,
    COMPARISONS,
    FLOATS,
    INTEGER,
    SHIFTS,
    SIGNS,
    TO_INTEGER,
)

_FIRST: Final = Register.XMM0
_LAST: Final = Register.XMM15


def vector_offset(register: int) -> int:
    """Operand offset of a vector or general register."""
    if _FIRST <= register <= _LAST:
        return (register - _FIRST) * 16
    return OFFSET[register]


def two(name: str, effect: int = NONE, *, imm_mask: int = 0) -> Build:
    """Register and register or memory, perhaps an immediate: handlers _rr and _rm."""
    rr, rm = NUMBER[f"{name}_rr"], NUMBER[f"{name}_rm"]

    def build(d: BlockBuilder, i: Any) -> None:
        a = vector_offset(i.op0_register)
        imm = i.immediate(2) & imm_mask if imm_mask else 0
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, effect, a=a, b=vector_offset(i.op1_register), imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, effect | BARRIER, a=a, base=base, disp=disp, imm=imm)

    return build


def _operation(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic)


def _float(mnemonic: str, _: list[str]) -> Build:
    """What can raise #XM: as a memory access it may show flags."""
    return two(mnemonic, BARRIER)


def _compare(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic, WRITES | BARRIER)


def _shift(mnemonic: str, tokens: list[str]) -> Build:
    if not tokens[1].startswith("IMM"):
        return two(mnemonic)
    number = NUMBER[f"{mnemonic}_ri"]

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, NONE, a=vector_offset(i.op0_register), imm=i.immediate(1) & 0xFF)

    return build


def _shift_bytes(mnemonic: str, _: list[str]) -> Build:
    number, clear = NUMBER[mnemonic], NUMBER["xmm_clear"]

    def build(d: BlockBuilder, i: Any) -> None:
        count = i.immediate(1) & 0xFF
        d.emit(number if count < 16 else clear, NONE, a=vector_offset(i.op0_register), imm=count)

    return build


def _conditional(mnemonic: str, _: list[str]) -> Build:
    """CMPPS, CMPPD, CMPSS, CMPSD with their predicate."""
    builds = [two(f"cmp{c}{mnemonic[3:]}", BARRIER) for c in COMPARISONS]

    def build(d: BlockBuilder, i: Any) -> None:
        builds[i.immediate(2) & 7](d, i)

    return build


def _shuffle(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic, imm_mask=0xFF)


def _insert_word(_: str, __: list[str]) -> Build:
    rr, rm = NUMBER["pinsrw_rr"], NUMBER["pinsrw_rm"]

    def build(d: BlockBuilder, i: Any) -> None:
        a, imm = vector_offset(i.op0_register), (i.immediate(2) & 7) * 2
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, NONE, a=a, b=OFFSET[i.op1_register], imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, BARRIER, a=a, base=base, disp=disp, imm=imm)

    return build


def _extract_word(_: str, __: list[str]) -> Build:
    number = NUMBER["pextrw"]

    def build(d: BlockBuilder, i: Any) -> None:
        imm = (i.immediate(2) & 7) * 2
        d.emit(number, NONE, a=OFFSET[i.op0_register], b=vector_offset(i.op1_register), imm=imm)

    return build


def _mask(mnemonic: str, _: list[str]) -> Build:
    number = NUMBER[mnemonic]

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, NONE, a=OFFSET[i.op0_register], b=vector_offset(i.op1_register))

    return build


def _from_integer(mnemonic: str, tokens: list[str]) -> Build:
    return two(f"{mnemonic}{bits_of(tokens[1])}", BARRIER)


def _to_integer(mnemonic: str, tokens: list[str]) -> Build:
    return two(f"{mnemonic}{bits_of(tokens[0])}", BARRIER)


def move(loads: str, stores: str, between: str) -> Factory:
    """Load, store or copy; which one the operands tell."""

    def factory(_: str, __: list[str]) -> Build:
        rm, mr, rr = two_forms(loads), two_forms(stores), NUMBER[between]

        def build(d: BlockBuilder, i: Any) -> None:
            if i.op0_kind != REGISTER_KIND:
                base, index, scale, disp = memory(d, i, indexed=True)
                d.emit(
                    mr[index != 128], BARRIER, b=vector_offset(i.op1_register),
                    base=base, index=index, scale=scale, disp=disp,
                )  # fmt: skip
            elif i.op1_kind != REGISTER_KIND:
                base, index, scale, disp = memory(d, i, indexed=True)
                d.emit(
                    rm[index != 128], BARRIER, a=vector_offset(i.op0_register),
                    base=base, index=index, scale=scale, disp=disp,
                )  # fmt: skip
            else:
                d.emit(rr, NONE, a=vector_offset(i.op0_register), b=vector_offset(i.op1_register))

        return build

    return factory


def _low_move(mnemonic: str, tokens: list[str]) -> Build:
    """MOVD and MOVQ: between vector and general registers, memory, other vector registers."""
    bits = 32 if mnemonic == "movd" else 64
    if tokens[0].startswith("RM"):
        between = f"xmm_to{bits}"
    elif tokens[1].startswith("RM"):
        between = f"xmm_from{bits}"
    else:
        between = "xmm_low_zero"
    return move(f"xmm_low{bits}_r?", f"xmm_low{bits}_?r", between)(mnemonic, tokens)


def _half(number: int) -> Factory:
    """MOVLPS, MOVHPS, MOVLPD, MOVHPD and the moves between halves."""

    def factory(_: str, __: list[str]) -> Build:
        name = f"xmm_half{number}"
        rm, mr, rr = NUMBER[f"{name}_rm"], NUMBER[f"{name}_mr"], NUMBER[f"{name}_rr"]

        def build(d: BlockBuilder, i: Any) -> None:
            if i.op0_kind != REGISTER_KIND:
                base, _, _, disp = memory(d, i, indexed=False)
                d.emit(mr, BARRIER, b=vector_offset(i.op1_register), base=base, disp=disp)
            elif i.op1_kind != REGISTER_KIND:
                base, _, _, disp = memory(d, i, indexed=False)
                d.emit(rm, BARRIER, a=vector_offset(i.op0_register), base=base, disp=disp)
            else:
                d.emit(rr, NONE, a=vector_offset(i.op0_register), b=vector_offset(i.op1_register))

        return build

    return factory


def _control(mnemonic: str, _: list[str]) -> Build:
    number = NUMBER[mnemonic]

    def build(d: BlockBuilder, i: Any) -> None:
        base, _, _, disp = memory(d, i, indexed=False)
        d.emit(number, BARRIER, base=base, disp=disp)

    return build


_ALIGNED: Final = move("xmm_mova_r?", "xmm_mova_?r", "xmm_mov_rr")
_UNALIGNED: Final = move("xmm_movu_r?", "xmm_movu_?r", "xmm_mov_rr")
_CONDITIONAL: Final = ("CMPPS", "CMPPD", "CMPSS", "CMPSD")

#: By mnemonic; only encodings with vector registers come here.
TABLE: Final[dict[str, Factory]] = {
    **{n.upper(): _operation for n in INTEGER},
    **{n.upper(): _float for n in FLOATS},
    **{n.upper(): _shift for n in SHIFTS},
    **{n.upper(): _compare for n in COMPARES},
    **{n.upper(): _to_integer for n in TO_INTEGER},
    **{n.upper(): _mask for n in SIGNS},
    **dict.fromkeys(_CONDITIONAL, _conditional),
    "CVTSI2SS": _from_integer, "CVTSI2SD": _from_integer,
    "PSLLDQ": _shift_bytes, "PSRLDQ": _shift_bytes,
    **dict.fromkeys(("PSHUFD", "PSHUFLW", "PSHUFHW", "SHUFPS", "SHUFPD"), _shuffle),
    "PINSRW": _insert_word, "PEXTRW": _extract_word,
    **dict.fromkeys(("MOVAPS", "MOVAPD", "MOVDQA", "MOVNTDQ", "MOVNTPS", "MOVNTPD"), _ALIGNED),
    **dict.fromkeys(("MOVUPS", "MOVUPD", "MOVDQU"), _UNALIGNED),
    **dict.fromkeys(("RCPPS", "RCPSS", "RSQRTPS", "RSQRTSS"), _operation),
    "MOVSS": move("xmm_low32_r?", "xmm_low32_?r", "xmm_merge32"),
    "MOVSD": move("xmm_low64_r?", "xmm_low64_?r", "xmm_merge64"),
    "MOVD": _low_move, "MOVQ": _low_move,
    **dict.fromkeys(("MOVLPS", "MOVLPD", "MOVHLPS"), _half(0)),
    **dict.fromkeys(("MOVHPS", "MOVHPD", "MOVLHPS"), _half(1)),
}  # fmt: skip
CONTROL: Final[dict[str, Factory]] = {"LDMXCSR": _control, "STMXCSR": _control}
