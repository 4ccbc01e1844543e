"""PUSH, POP, ENTER, LEAVE, the flags register.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import BARRIER, PARTIAL, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of, simple
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory

_RSP: Final = 4 * 8


def _push(mnemonic: str, tokens: list[str]) -> Build:
    if tokens[0] == "IMM16":
        return _push_immediate(16)(mnemonic, tokens)
    bits = bits_of(tokens[0])
    r, m = NUMBER[f"push{bits}_r"], NUMBER[f"push{bits}_m"]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, BARRIER, b=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, BARRIER, base=base, disp=disp)

    return build


def _push_immediate(bits: int) -> Factory:
    def factory(_: str, __: list[str]) -> Build:
        number = NUMBER[f"push{bits}_i"]

        def build(d: BlockBuilder, i: Any) -> None:
            d.emit(number, BARRIER, imm=i.immediate(0))

        return build

    return factory


def _pop(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    r, m = NUMBER[f"pop{bits}_r"], NUMBER[f"pop{bits}_m"]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, BARRIER, a=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            uses_rsp = OFFSET[i.memory_base] == _RSP
            d.emit(m, BARRIER, base=base, disp=disp, imm=bits // 8 if uses_rsp else 0)

    return build


def _enter(_: str, __: list[str]) -> Build:
    number = NUMBER["enter"]

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, BARRIER, imm=i.immediate(0), disp=i.immediate(1) & 31)

    return build


def _popf(bits: int) -> Factory:
    def factory(_: str, __: list[str]) -> Build:
        number = NUMBER[f"popf{bits}"]

        def build(d: BlockBuilder, i: Any) -> None:  # noqa: ARG001
            d.emit(number, BARRIER | PARTIAL, imm=d.next_rip)

        return build

    return factory


TABLE: Final[dict[str, Factory]] = {
    "PUSH": _push, "POP": _pop, "PUSHQ": _push_immediate(64), "PUSHW": _push_immediate(16),
    "LEAVEQ": simple("leave", BARRIER), "ENTERQ": _enter,
    "PUSHFQ": simple("pushf64", BARRIER), "PUSHFW": simple("pushf16", BARRIER),
    "POPFQ": _popf(64), "POPFW": _popf(16),
    "LAHF": simple("lahf", BARRIER), "SAHF": simple("sahf", BARRIER | PARTIAL),
    "CLC": simple("clc", BARRIER | PARTIAL), "STC": simple("stc", BARRIER | PARTIAL),
    "CMC": simple("cmc", BARRIER | PARTIAL), "CLD": simple("cld"), "STD": simple("std"),
}  # fmt: skip
