"""Encodings outside 64-bit mode: stacks of 16 and 32 bits, near transfers by offset.

All else is as in 64-bit mode: only the operands' addresses differ (hw.cpu.operands).

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import ADDRESS, BARRIER, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of
from hw.cpu.operands import OFFSET, REGISTER_KIND, legacy_memory
from hw.cpu.state import MODE_STACK_32

_ESP: Final = 4 * 8


def _by_stack(name: str) -> dict[int, int]:
    """Numbers of a handler by MODE_STACK_32 of the builder's mode."""
    return {0: NUMBER[f"{name}_s16"], MODE_STACK_32: NUMBER[f"{name}_s32"]}


def _push(mnemonic: str, tokens: list[str]) -> Build:
    bits = {"pushw": 16, "pushd": 32}.get(mnemonic) or bits_of(tokens[0])
    r, i_, m = (_by_stack(f"legacy_push{bits}_{form}") for form in "rim")

    def build(d: BlockBuilder, i: Any) -> None:
        stack = d.mode & MODE_STACK_32
        if tokens[0].startswith("IMM"):
            d.emit(i_[stack], BARRIER, imm=i.immediate(0))
        elif i.op0_kind == REGISTER_KIND:
            d.emit(r[stack], BARRIER, b=OFFSET[i.op0_register])
        else:
            legacy_memory(d, i)
            d.emit(m[stack], BARRIER, base=ADDRESS)

    return build


def _pop(_: str, tokens: list[str]) -> Build:
    bits = bits_of(tokens[0])
    r, m = _by_stack(f"legacy_pop{bits}_r"), _by_stack(f"legacy_pop{bits}_m")

    def build(d: BlockBuilder, i: Any) -> None:
        stack = d.mode & MODE_STACK_32
        if i.op0_kind == REGISTER_KIND:
            d.emit(r[stack], BARRIER, a=OFFSET[i.op0_register])
        else:
            uses_esp = OFFSET[i.memory_base] == _ESP
            legacy_memory(d, i, bits // 8 if uses_esp else 0)
            d.emit(m[stack], BARRIER, base=ADDRESS)

    return build


def _call_direct(bits: int) -> Build:
    near, far = _by_stack(f"legacy_call{bits}"), {
        0: NUMBER[f"legacy_call{bits}_s16_far"], MODE_STACK_32: NUMBER[f"legacy_call{bits}_s32_far"]
    }  # fmt: skip

    def build(d: BlockBuilder, i: Any) -> None:
        target = d.linear(i.near_branch_target)
        number = (near if d.stays(target) else far)[d.mode & MODE_STACK_32]
        d.emit(number, BARRIER, imm=i.next_ip32)
        d.end(number, target)

    return build


def _jmp_direct(d: BlockBuilder, i: Any) -> None:
    target = d.linear(i.near_branch_target)
    number = NUMBER["jmp" if d.stays(target) else "jmp_far"]
    d.emit(number, BARRIER)
    d.end(number, target)


def _indirect(verb: str, bits: int) -> Build:
    by_form = {
        form: (
            _by_stack(f"legacy_call{bits}_{form}")
            if verb == "call"
            else dict.fromkeys((0, MODE_STACK_32), NUMBER[f"legacy_jmp{bits}_{form}"])
        )
        for form in "rm"
    }

    def build(d: BlockBuilder, i: Any) -> None:
        stack = d.mode & MODE_STACK_32
        if i.op0_kind == REGISTER_KIND:
            number = by_form["r"][stack]
            d.emit(number, BARRIER, b=OFFSET[i.op0_register], imm=i.next_ip32)
        else:
            legacy_memory(d, i)
            number = by_form["m"][stack]
            d.emit(number, BARRIER, base=ADDRESS, imm=i.next_ip32)
        d.end(number)

    return build


def jump_or_call(mnemonic: str, tokens: list[str]) -> Build:
    """The builder of a near JMP or CALL."""
    verb = mnemonic.lower()
    if tokens[0].startswith("REL"):
        bits = 16 if tokens[-1].endswith("16") else 32
        return _call_direct(bits) if verb == "call" else _jmp_direct
    return _indirect(verb, bits_of(tokens[0]))


def _ret(mnemonic: str, tokens: list[str]) -> Build:
    numbers = _by_stack(f"legacy_ret{16 if mnemonic == 'retnw' else 32}")

    def build(d: BlockBuilder, i: Any) -> None:
        number = numbers[d.mode & MODE_STACK_32]
        d.emit(number, BARRIER, imm=i.immediate(0) if tokens else 0)
        d.end(number)

    return build


TABLE: Final[dict[str, Factory]] = {
    "PUSH": _push, "PUSHW": _push, "PUSHD": _push, "POP": _pop, "RETNW": _ret, "RETND": _ret,
}  # fmt: skip


def lea(_: str, tokens: list[str]) -> Build:
    """LEA: an offset, no segment."""
    bits = bits_of(tokens[0])
    moves = NUMBER[f"mov{bits}_rr"]

    def build(d: BlockBuilder, i: Any) -> None:
        legacy_memory(d, i, offset_only=True)
        d.emit(moves, 0, a=OFFSET[i.op0_register], b=ADDRESS)

    return build
