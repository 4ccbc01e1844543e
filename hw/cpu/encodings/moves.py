"""MOV and its relatives, LEA, CMOVcc, SETcc, XCHG, BSWAP.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from iced_x86 import Register

from hw.cpu.block_builder import ADDRESS, BARRIER, COMPARE, LOGIC, NONE, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of, simple, two_forms
from hw.cpu.flags import COMPARE_CONDITIONS, CONDITIONS
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory, segment_base


def _mov(_: str, tokens: list[str]) -> Build:
    """MOV between general registers, memory and immediates."""
    bits = bits_of(tokens[0])
    rr, ri = NUMBER[f"mov{bits}_rr"], NUMBER[f"mov{bits}_ri"]
    loads, stores = two_forms(f"mov{bits}_r?"), two_forms(f"mov{bits}_?r")
    stores_imm = two_forms(f"mov{bits}_?i")
    immediate = tokens[1].startswith("IMM")

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            a = OFFSET[i.op0_register]
            if i.op1_kind == REGISTER_KIND:
                d.emit(rr, NONE, a=a, b=OFFSET[i.op1_register])
            elif immediate:
                d.emit(ri, NONE, a=a, imm=i.immediate(1))
            else:
                base, index, scale, disp = memory(d, i, indexed=True)
                number = loads[index != 128]
                d.emit(number, BARRIER, a=a, base=base, index=index, scale=scale, disp=disp)
            return
        base, index, scale, disp = memory(d, i, indexed=True)
        if immediate:
            d.emit(
                stores_imm[index != 128], BARRIER,
                base=base, index=index, scale=scale, disp=disp, imm=i.immediate(1),
            )  # fmt: skip
        else:
            d.emit(
                stores[index != 128], BARRIER, b=OFFSET[i.op1_register],
                base=base, index=index, scale=scale, disp=disp,
            )  # fmt: skip

    return build


def _extend(mnemonic: str, tokens: list[str]) -> Build:
    """MOVZX, MOVSX, MOVSXD."""
    bits, source = bits_of(tokens[0]), bits_of(tokens[1])
    if bits == source:
        return _mov(mnemonic, tokens)
    kind = "movzx" if mnemonic == "movzx" else "movsx"
    rr = NUMBER[f"{kind}{bits}_{source}_rr"]
    loads = two_forms(f"{kind}{bits}_{source}_r?")

    def build(d: BlockBuilder, i: Any) -> None:
        a = OFFSET[i.op0_register]
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, NONE, a=a, b=OFFSET[i.op1_register])
        else:
            base, index, scale, disp = memory(d, i, indexed=True)
            d.emit(
                loads[index != 128], BARRIER, a=a, base=base, index=index, scale=scale, disp=disp
            )

    return build


def _lea(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    forms = two_forms(f"lea{bits}_?")

    def build(d: BlockBuilder, i: Any) -> None:
        base, index, scale, disp = memory(d, i, indexed=True, segment=False)
        a = OFFSET[i.op0_register]
        d.emit(forms[index != 128], NONE, a=a, base=base, index=index, scale=scale, disp=disp)

    return build


def _condition(mnemonic: str, prefix: str) -> int:
    return CONDITIONS.index(mnemonic[len(prefix) :])


def _after_compare(d: BlockBuilder, code: int) -> bool:
    """Whether the block's last flags let a condition follow from the compared operands."""
    return code in COMPARE_CONDITIONS and d.compare in (COMPARE, LOGIC)


def _cmov(mnemonic: str, tokens: list[str]) -> Build:
    bits, code = bits_of(tokens[0]), _condition(mnemonic, "cmov")
    rr, rm = NUMBER[f"cmov{bits}_{code}_rr"], NUMBER[f"cmov{bits}_{code}_rm"]
    after = NUMBER.get(f"cmov{bits}_{code}_rr_ac", rr)

    def build(d: BlockBuilder, i: Any) -> None:
        a = OFFSET[i.op0_register]
        if i.op1_kind == REGISTER_KIND:
            number = after if _after_compare(d, code) else rr
            d.emit(number, BARRIER, a=a, b=OFFSET[i.op1_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, BARRIER, a=a, base=base, disp=disp)

    return build


def _setcc(mnemonic: str, _: list[str]) -> Build:
    code = _condition(mnemonic, "set")
    r, m = NUMBER[f"set{code}_r"], NUMBER[f"set{code}_m"]
    after = NUMBER.get(f"set{code}_r_ac", r)

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(after if _after_compare(d, code) else r, BARRIER, a=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, BARRIER, base=base, disp=disp)

    return build


def _xchg(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    rr, m = NUMBER[f"xchg{bits}_rr"], NUMBER[f"xchg{bits}_m"]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(rr, NONE, a=OFFSET[i.op0_register], b=OFFSET[i.op1_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, BARRIER, b=OFFSET[i.op1_register], base=base, disp=disp)

    return build


def _bswap(_: str, tokens: list[str]) -> Build:
    number = NUMBER[f"bswap{bits_of(tokens[0])}"]

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, NONE, a=OFFSET[i.op0_register])

    return build


def _xlat(_: str, __: list[str]) -> Build:
    narrow_ea, wide_ea = NUMBER["ea32"], NUMBER["ea"]
    number_of_al, number = NUMBER["movzx64_8_rr"], NUMBER["mov8_rm"]

    def build(d: BlockBuilder, i: Any) -> None:
        segment = segment_base(i)
        narrow = i.memory_base == Register.EBX
        d.emit(number_of_al, NONE, a=ADDRESS, b=0)
        d.emit(
            narrow_ea if narrow else wide_ea,
            NONE,
            b=segment,
            base=OFFSET[Register.RBX],
            index=ADDRESS,
        )
        d.emit(number, BARRIER, a=0, base=ADDRESS)

    return build


TABLE: Final[dict[str, Factory]] = {
    "MOV": _mov, "LEA": _lea, "MOVNTI": _mov, "XCHG": _xchg, "BSWAP": _bswap, "XLAT": _xlat,
    **dict.fromkeys(("MOVZX", "MOVSX", "MOVSXD"), _extend),
    **{f"CMOV{c.upper()}": _cmov for c in CONDITIONS},
    **{f"SET{c.upper()}": _setcc for c in CONDITIONS},
    "CBW": simple("extend16"), "CWDE": simple("extend32"), "CDQE": simple("extend64"),
    "CWD": simple("sign16"), "CDQ": simple("sign32"), "CQO": simple("sign64"),
}  # fmt: skip
