"""Shifts and rotates, bit tests and scans, multiplication and division.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import BARRIER, NONE, PARTIAL, WRITES, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory

_EAGER: Final = ("rol", "ror", "rcl", "rcr")


def _shift(mnemonic: str, tokens: list[str]) -> Build:
    """SHL to RCR by 1, an immediate or CL."""
    bits = bits_of(tokens[0])
    name = f"{'shl' if mnemonic == 'sal' else mnemonic}{bits}"
    by_cl = tokens[1] == "CL"
    end = "c" if by_cl else "i"
    r, r_dead, m = NUMBER[f"{name}_r{end}"], NUMBER[f"{name}_r{end}_nf"], NUMBER[f"{name}_m{end}"]
    nothing = NUMBER["mov32_rr" if bits == 32 else "nop"]
    reads_carry = BARRIER if mnemonic in ("rcl", "rcr") else NONE
    effect = reads_carry | (PARTIAL if by_cl or mnemonic in _EAGER else WRITES)
    by_one = tokens[1] == "1"
    mask = 63 if bits == 64 else 31

    def build(d: BlockBuilder, i: Any) -> None:
        count = 1 if by_one or by_cl else i.immediate(1) & mask
        if i.op0_kind == REGISTER_KIND:
            a = OFFSET[i.op0_register]
            if count:
                d.emit(r, effect, without_flags=r_dead, a=a, imm=count)
            else:
                d.emit(nothing, NONE, a=a, b=a)
            return
        base, _, _, disp = memory(d, i, indexed=False)
        if count:
            d.emit(m, effect | BARRIER, base=base, disp=disp, imm=count)
        else:
            d.emit(touch, BARRIER, base=base, disp=disp)

    touch = NUMBER[f"touch{bits}"]
    return build


def _double(mnemonic: str, tokens: list[str]) -> Build:
    """SHLD, SHRD."""
    bits = bits_of(tokens[0])
    by_cl = tokens[2] == "CL"
    end = "c" if by_cl else "i"
    r, m = NUMBER[f"{mnemonic}{bits}_r{end}"], NUMBER[f"{mnemonic}{bits}_m{end}"]
    mask = 63 if bits == 64 else 31

    def build(d: BlockBuilder, i: Any) -> None:
        count = 0 if by_cl else i.immediate(2) & mask
        b = OFFSET[i.op1_register]
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, PARTIAL | BARRIER, a=OFFSET[i.op0_register], b=b, imm=count)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, PARTIAL | BARRIER, b=b, base=base, disp=disp, imm=count)

    return build


def _bit(mnemonic: str, tokens: list[str]) -> Build:
    """BT BTS BTR BTC."""
    immediate = tokens[1].startswith("IMM")
    name, end = f"{mnemonic}{bits_of(tokens[0])}", "i" if immediate else "r"
    r, m = NUMBER[f"{name}_r{end}"], NUMBER[f"{name}_m{end}"]
    locked = NUMBER.get(f"lock_{name}_m{end}", -1)

    def build(d: BlockBuilder, i: Any) -> None:
        b, imm = (128, i.immediate(1)) if immediate else (OFFSET[i.op1_register], 0)
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, PARTIAL | BARRIER, a=OFFSET[i.op0_register], b=b, imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            number = locked if i.has_lock_prefix else m
            d.emit(number, PARTIAL | BARRIER, b=b, base=base, disp=disp, imm=imm)

    return build


def _scan(mnemonic: str, tokens: list[str]) -> Build:
    """BSF BSR POPCNT LZCNT TZCNT."""
    name = f"{mnemonic}{bits_of(tokens[0])}"
    rr, rm = NUMBER[f"{name}_rr"], NUMBER[f"{name}_rm"]

    def build(d: BlockBuilder, i: Any) -> None:
        a = OFFSET[i.op0_register]
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, PARTIAL | BARRIER, a=a, b=OFFSET[i.op1_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, PARTIAL | BARRIER, a=a, base=base, disp=disp)

    return build


def _multiply_or_divide(mnemonic: str, tokens: list[str]) -> Build:
    """MUL DIV IDIV, and the three shapes of IMUL."""
    if len(tokens) > 1:
        return _imul(tokens)
    name = f"{mnemonic}{bits_of(tokens[0])}"
    r, m = NUMBER[f"{name}_r"], NUMBER[f"{name}_m"]
    effect = BARRIER | (PARTIAL if mnemonic.endswith("mul") else NONE)

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, effect, b=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, effect, base=base, disp=disp)

    return build


def _imul(tokens: list[str]) -> Build:
    three = len(tokens) == 3
    name, end = f"imul{bits_of(tokens[0])}", "i" if three else ""
    rr, rm = NUMBER[f"{name}_rr{end}"], NUMBER[f"{name}_rm{end}"]
    dead = NUMBER[f"{name}_rr{end}_nf"]

    def build(d: BlockBuilder, i: Any) -> None:
        a, imm = OFFSET[i.op0_register], i.immediate(2) if three else 0
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, WRITES, without_flags=dead, a=a, b=OFFSET[i.op1_register], imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, WRITES | BARRIER, a=a, base=base, disp=disp, imm=imm)

    return build


TABLE: Final[dict[str, Factory]] = {
    **dict.fromkeys(("SHL", "SAL", "SHR", "SAR", "ROL", "ROR", "RCL", "RCR"), _shift),
    **dict.fromkeys(("SHLD", "SHRD"), _double),
    **dict.fromkeys(("BT", "BTS", "BTR", "BTC"), _bit),
    **dict.fromkeys(("BSF", "BSR", "TZCNT", "POPCNT", "LZCNT"), _scan),
    **dict.fromkeys(("MUL", "IMUL", "DIV", "IDIV"), _multiply_or_divide),
}
