"""ADD to CMP, TEST, INC DEC NEG NOT.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import BARRIER, COMPARE, LOGIC, NONE, PARTIAL, WRITES, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of, two_forms
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory


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
    rr, rr_dead = NUMBER[f"{name}_rr"], NUMBER.get(f"{name}_rr_nf", -1)
    store_first = tokens[0].startswith("RM")
    plain, indexed, has_index = two_forms(f"{name}_?r" if store_first else f"{name}_r?")
    dead = (-1, -1) if store_first else _dead_forms(name)
    locked = NUMBER.get(f"lock_{name}_mr", -1)
    fuse_rr, fuse_m = f"{name}_rr", f"{name}_mr" if store_first else f"{name}_rm"

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == i.op1_kind:
            d.emit(
                rr,
                effect,
                without_flags=rr_dead,
                a=OFFSET[i.op0_register],
                b=OFFSET[i.op1_register],
            )
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
    return NUMBER.get(f"{name}_rm_nf", -1), NUMBER.get(f"{name}_rx_nf", -1)


def _binary_immediate(name: str, effect: int, memory_effect: int) -> Build:
    ri, ri_dead = NUMBER[f"{name}_ri"], NUMBER.get(f"{name}_ri_nf", -1)
    plain, indexed, has_index = two_forms(f"{name}_?i")
    locked = NUMBER.get(f"lock_{name}_mi", -1)
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
    r, r_dead, m = NUMBER[f"{name}_r"], NUMBER[f"{name}_r_nf"], NUMBER[f"{name}_m"]
    locked = NUMBER.get(f"lock_{name}_m", -1)

    def build(d: BlockBuilder, i: Any) -> None:
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, effect, without_flags=r_dead, a=OFFSET[i.op0_register])
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(locked if i.has_lock_prefix else m, memory_effect, base=base, disp=disp)

    return build


TABLE: Final[dict[str, Factory]] = {
    **dict.fromkeys(("ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST"), _binary),
    **dict.fromkeys(("INC", "DEC", "NEG", "NOT"), _unary),
}
