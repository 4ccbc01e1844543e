"""Jumps, calls, returns, loops.

State: none. Context: Python, while decoding.
"""

import re
from functools import cache
from typing import Any, Final

from hw.cpu.block_builder import BARRIER, COMPARE, LOGIC, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory
from hw.cpu.flags import CONDITIONS
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory

#: A comparison and a jump in one handler: the comparison's name, the condition, the kind of end.
_FUSED: Final = re.compile(r"((?:cmp|test)\w+)_j(\d+)(|_far)")


@cache
def _fused() -> dict[int, dict[tuple[str, str], int]]:
    """Condition -> numbers of handlers, by comparison and kind of end."""
    table: dict[int, dict[tuple[str, str], int]] = {}
    for name, number in NUMBER.items():
        if found := _FUSED.fullmatch(name):
            table.setdefault(int(found[2]), {})[found[1], found[3]] = number
    return table


def _jump_if(mnemonic: str, _: list[str]) -> Build:
    code = CONDITIONS.index(mnemonic[1:])
    plain = {end: NUMBER[f"j{code}{end}"] for end in ("", "_far")}
    after = {end: NUMBER.get(f"j{code}_ac{end}", -1) for end in ("", "_far")}
    fused = _fused().get(code, {})

    def build(d: BlockBuilder, i: Any) -> None:
        taken, other = d.linear(i.near_branch_target), d.next_rip
        end = "" if d.stays(taken, other) else "_far"
        number = fused.get((d.after, end)) if d.after else None
        if number is None:
            valid = d.compare == LOGIC or (d.compare == COMPARE and code >> 1 != 4)
            number = after[end] if valid and after[end] >= 0 else plain[end]
            d.emit(number, BARRIER)
        d.end(number, taken, other)

    return build


def _direct(mnemonic: str, _: list[str]) -> Build:
    """JMP and CALL of a relative target."""
    near, far = NUMBER[mnemonic], NUMBER[f"{mnemonic}_far"]

    def build(d: BlockBuilder, i: Any) -> None:
        target = i.near_branch_target
        number = near if d.stays(target) else far
        d.emit(number, BARRIER, imm=d.next_rip)
        d.end(number, target)

    return build


def _indirect(mnemonic: str, _: list[str]) -> Build:
    """JMP and CALL of a register or memory."""
    r, m, x = (NUMBER[f"{mnemonic}_{form}"] for form in "rmx")

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, BARRIER, b=OFFSET[i.op0_register], imm=d.next_rip)
            d.end(r)
        else:
            base, index, scale, disp = memory(d, i, indexed=True)
            number = m if index == 128 else x
            d.emit(
                number, BARRIER,
                base=base, index=index, scale=scale, disp=disp, imm=d.next_rip,
            )  # fmt: skip
            d.end(number)

    return build


def _ret(_: str, tokens: list[str]) -> Build:
    number = NUMBER["ret"]
    has_operand = bool(tokens)

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, BARRIER, imm=i.immediate(0) if has_operand else 0)
        d.end(number)

    return build


def _count(mnemonic: str, tokens: list[str]) -> Build:
    """LOOP, LOOPE, LOOPNE, JRCXZ, JECXZ, JCXZ."""
    if mnemonic.endswith("cxz"):
        name = {"jrcxz": "jcxz64", "jecxz": "jcxz32", "jcxz": "jcxz16"}[mnemonic]
    else:
        name = mnemonic + {"CX": "16", "ECX": "32", "RCX": "64"}[tokens[-1]]
    near, far = NUMBER[name], NUMBER[f"{name}_far"]

    def build(d: BlockBuilder, i: Any) -> None:
        target, other = d.linear(i.near_branch_target), d.next_rip
        number = near if d.stays(target, other) else far
        d.emit(number, BARRIER)
        d.end(number, target, other)

    return build


def jump_or_call(code_name: str) -> Build | None:
    """The builder of a JMP or CALL of 64-bit code; None for far and 16-bit ones."""
    mnemonic, *tokens = code_name.split("_")
    if tokens[0].startswith("REL"):
        return _direct(mnemonic.lower(), tokens) if tokens[-1] == "64" else None
    return _indirect(mnemonic.lower(), tokens) if tokens[0] == "RM64" else None


TABLE: Final[dict[str, Factory]] = {
    **{f"J{c.upper()}": _jump_if for c in CONDITIONS},
    **dict.fromkeys(("LOOP", "LOOPE", "LOOPNE", "JRCXZ", "JECXZ", "JCXZ"), _count),
    "RETNQ": _ret,
}
