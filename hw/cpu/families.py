"""Builders of micro-ops, by instruction: which handler an encoding with its operands means.

``builder_for`` takes a name of iced's ``Code``, such as ADD_RM32_IMM8: mnemonic, then operands. The
tables below map mnemonics to factories; a factory gets the operand tokens and returns a builder, a
closure in which the handlers' numbers are resolved. What is in no table is absent: #UD.

State: none. Context: Python, while decoding.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from hw.cpu.block_builder import BARRIER, COMPARE, LOGIC, NONE, PARTIAL, WRITES, BlockBuilder
from hw.cpu.flags import CONDITIONS
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory
from hw.cpu.threaded import numbers

Build = Callable[[BlockBuilder, Any], None]
Factory = Callable[[str, list[str]], Build]

_NUMBER: Final = numbers()
_ACCUMULATOR: Final = {"AL": 8, "AX": 16, "EAX": 32, "RAX": 64, "CL": 8}


def bits_of(token: str) -> int:
    """Operand size that a token of a Code name states: RM32, IMM8, EAX, M64."""
    if token in _ACCUMULATOR:
        return _ACCUMULATOR[token]
    found = re.search(r"\d+", token)
    assert found is not None, token
    return int(found[0])


def two_forms(name: str) -> tuple[int, int, bool]:
    """Numbers of a handler's "m" and "x" form (``name`` has a ? for it), whether x exists."""
    plain = _NUMBER[name.replace("?", "m")]
    indexed = _NUMBER.get(name.replace("?", "x"))
    return plain, plain if indexed is None else indexed, indexed is not None


def _effect(mnemonic: str) -> tuple[int, int]:
    """Effects of an arithmetic instruction without and with memory."""
    if mnemonic in ("sub", "cmp", "neg"):
        return WRITES | COMPARE, WRITES | COMPARE | BARRIER
    if mnemonic in ("and", "or", "xor", "test"):
        return WRITES | LOGIC, WRITES | LOGIC | BARRIER
    if mnemonic in ("adc", "sbb"):
        return WRITES | BARRIER, WRITES | BARRIER
    if mnemonic in ("inc", "dec"):
        return PARTIAL, PARTIAL | BARRIER
    return (NONE, BARRIER) if mnemonic == "not" else (WRITES, WRITES | BARRIER)


def _binary(mnemonic: str, tokens: list[str]) -> Build:
    """ADD to CMP, TEST: the eight encodings."""
    bits = bits_of(tokens[0])
    name = f"{mnemonic}{bits}"
    effect, memory_effect = _effect(mnemonic)
    if tokens[1].startswith("IMM"):
        return _binary_immediate(name, effect, memory_effect)
    rr, rr_dead = _NUMBER[f"{name}_rr"], _NUMBER.get(f"{name}_rr_nf", -1)
    store_first = tokens[0].startswith("RM")
    plain, indexed, has_index = two_forms(f"{name}_?r" if store_first else f"{name}_r?")
    dead = (-1, -1) if store_first else _dead_forms(name)
    locked = _NUMBER.get(f"lock_{name}_mr", -1)
    fuse_rr, fuse_m = f"{name}_rr", f"{name}_mr" if store_first else f"{name}_rm"

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == i.op1_kind:
            d.emit(rr, effect, without_flags=rr_dead, a=OFFSET[i.op0_register], b=OFFSET[i.op1_register])
            d.fuse = fuse_rr
            return
        atomic = store_first and i.has_lock_prefix
        base, index, scale, disp = memory(d, i, indexed=has_index and not atomic)
        register = OFFSET[i.op1_register if store_first else i.op0_register]
        number, without = (plain, dead[0]) if index == 128 else (indexed, dead[1])
        d.emit(
            locked if atomic else number, memory_effect, without_flags=without,
            a=register, b=register, base=base, index=index, scale=scale, disp=disp,
        )  # fmt: skip
        if index == 128:
            d.fuse = fuse_m

    return build


def _dead_forms(name: str) -> tuple[int, int]:
    return _NUMBER.get(f"{name}_rm_nf", -1), _NUMBER.get(f"{name}_rx_nf", -1)


def _binary_immediate(name: str, effect: int, memory_effect: int) -> Build:
    ri, ri_dead = _NUMBER[f"{name}_ri"], _NUMBER.get(f"{name}_ri_nf", -1)
    plain, indexed, has_index = two_forms(f"{name}_?i")
    locked = _NUMBER.get(f"lock_{name}_mi", -1)
    fuse_ri, fuse_mi = f"{name}_ri", f"{name}_mi"

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(ri, effect, without_flags=ri_dead, a=OFFSET[i.op0_register], imm=i.immediate(1))
            d.fuse = fuse_ri
            return
        atomic = i.has_lock_prefix
        base, index, scale, disp = memory(d, i, indexed=has_index and not atomic)
        d.emit(
            locked if atomic else plain if index == 128 else indexed, memory_effect,
            base=base, index=index, scale=scale, disp=disp, imm=i.immediate(1),
        )  # fmt: skip
        if index == 128:
            d.fuse = fuse_mi

    return build


def _unary(mnemonic: str, tokens: list[str]) -> Build:
    """INC DEC NEG NOT."""
    name = f"{mnemonic}{bits_of(tokens[0])}"
    effect, memory_effect = _effect(mnemonic)
    r, r_dead, m = _NUMBER[f"{name}_r"], _NUMBER[f"{name}_r_nf"], _NUMBER[f"{name}_m"]
    locked = _NUMBER.get(f"lock_{name}_m", -1)

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, effect, without_flags=r_dead, a=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(locked if i.has_lock_prefix else m, memory_effect, base=base, disp=disp)

    return build


def _mov(_: str, tokens: list[str]) -> Build:
    """MOV between general registers, memory and immediates."""
    bits = bits_of(tokens[0])
    rr, ri = _NUMBER[f"mov{bits}_rr"], _NUMBER[f"mov{bits}_ri"]
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
    rr = _NUMBER[f"{kind}{bits}_{source}_rr"]
    loads = two_forms(f"{kind}{bits}_{source}_r?")

    def build(d: BlockBuilder, i: Any) -> None:
        a = OFFSET[i.op0_register]
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, NONE, a=a, b=OFFSET[i.op1_register])
        else:
            base, index, scale, disp = memory(d, i, indexed=True)
            d.emit(loads[index != 128], BARRIER, a=a, base=base, index=index, scale=scale, disp=disp)

    return build


def _lea(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    forms = two_forms(f"lea{bits}_?")

    def build(d: BlockBuilder, i: Any) -> None:
        base, index, scale, disp = memory(d, i, indexed=True, segment=False)
        a = OFFSET[i.op0_register]
        d.emit(forms[index != 128], NONE, a=a, base=base, index=index, scale=scale, disp=disp)

    return build


def _jump_if(mnemonic: str, _: list[str]) -> Build:
    code = CONDITIONS.index(mnemonic[1:])
    plain = {end: _NUMBER[f"j{code}{end}"] for end in ("", "_far")}
    after = {end: _NUMBER.get(f"j{code}_ac{end}", -1) for end in ("", "_far")}
    fused = {
        (name[: name.rindex("_j")], end): number
        for name, number in _NUMBER.items()
        for end in ("", "_far")
        if re.search(rf"_r?[rim]_?j{code}{end}$|_m[ri]_j{code}{end}$", name)
    }

    def build(d: BlockBuilder, i: Any) -> None:
        taken, other = i.near_branch_target, d.next_rip
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
    near, far = _NUMBER[mnemonic], _NUMBER[f"{mnemonic}_far"]

    def build(d: BlockBuilder, i: Any) -> None:
        target = i.near_branch_target
        number = near if d.stays(target) else far
        d.emit(number, BARRIER, imm=d.next_rip)
        d.end(number, target)

    return build


def _indirect(mnemonic: str, _: list[str]) -> Build:
    """JMP and CALL of a register or memory."""
    r, m = _NUMBER[f"{mnemonic}_r"], _NUMBER[f"{mnemonic}_m"]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, BARRIER, b=OFFSET[i.op0_register], imm=d.next_rip)
            d.end(r)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, BARRIER, base=base, disp=disp, imm=d.next_rip)
            d.end(m)

    return build


def _ret(_: str, tokens: list[str]) -> Build:
    number = _NUMBER["ret"]
    has_operand = bool(tokens)

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, BARRIER, imm=i.immediate(0) if has_operand else 0)
        d.end(number)

    return build


def _simple(name: str, effect: int = NONE) -> Factory:
    """An instruction without operands."""

    def factory(_: str, __: list[str]) -> Build:
        number = _NUMBER[name]

        def build(d: BlockBuilder, i: Any) -> None:  # noqa: ARG001
            d.emit(number, effect)

        return build

    return factory


def _ender(name: str) -> Factory:
    """An instruction that leaves native code; its immediate is the address after it."""

    def factory(_: str, __: list[str]) -> Build:
        number = _NUMBER[name]

        def build(d: BlockBuilder, i: Any) -> None:  # noqa: ARG001
            d.emit(number, BARRIER, imm=d.next_rip)
            d.end(number)

        return build

    return factory


def _push(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    r, m = _NUMBER[f"push{bits}_r"], _NUMBER[f"push{bits}_m"]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, BARRIER, b=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, BARRIER, base=base, disp=disp)

    return build


def _push_immediate(bits: int) -> Factory:
    def factory(_: str, __: list[str]) -> Build:
        number = _NUMBER[f"push{bits}_i"]

        def build(d: BlockBuilder, i: Any) -> None:
            d.emit(number, BARRIER, imm=i.immediate(0))

        return build

    return factory


def _pop(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    r, m = _NUMBER[f"pop{bits}_r"], _NUMBER[f"pop{bits}_m"]

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, BARRIER, a=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            uses_rsp = OFFSET[i.memory_base] == OFFSET_RSP
            d.emit(m, BARRIER, base=base, disp=disp, imm=bits // 8 if uses_rsp else 0)

    return build


OFFSET_RSP: Final = 4 * 8

_TABLE: Final[dict[str, Factory]] = {
    **dict.fromkeys(("ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST"), _binary),
    **dict.fromkeys(("INC", "DEC", "NEG", "NOT"), _unary),
    **dict.fromkeys(("MOVZX", "MOVSX", "MOVSXD"), _extend),
    "MOV": _mov, "LEA": _lea,
    **{f"J{c.upper()}": _jump_if for c in CONDITIONS},
    "PUSH": _push, "POP": _pop,
    "PUSHQ": _push_immediate(64), "PUSHW": _push_immediate(16),
    "RETNQ": _ret,
    "SYSCALL": _ender("syscall"), "INT3": _ender("int3"),
}  # fmt: skip


def builder_for(code_name: str) -> Build | None:
    """The builder of an encoding, or None if the core does not have the instruction."""
    mnemonic, *tokens = code_name.split("_")
    if mnemonic in ("JMP", "CALL"):
        if tokens[-1] in ("16", "32") or tokens[0].startswith(("PTR", "M", "RM16", "RM32", "REL16")):
            return None
        factory = _direct if tokens[0].startswith("REL") else _indirect
        return factory(mnemonic.lower(), tokens)
    if mnemonic not in _TABLE or any("SREG" in t or t in ("CR", "DR", "TR") for t in tokens):
        return None
    return _TABLE[mnemonic](mnemonic.lower(), tokens)
