"""Jumps, calls, returns; how a block ends.

A jump inside its page follows a link, filled in at its first use; others look into the core's jump
cache. The instructions of a block are charged where it ends: ``position`` is the ender's own place
in the block, ``extra`` how many instructions it stands for (2 if a comparison is fused in).

Spec: AMD64 APM vol. 3, Jcc JMP CALL RET LOOPcc JrCXZ.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Any, Final

from hw.cpu.control import budget_left, dispatch, leave, micro_op_address
from hw.cpu.flags import COMPARE_CONDITIONS, compare_holds, holds, set_compare, set_logic
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import SLOT, MicroOp
from hw.cpu.mmu import load, store
from hw.cpu.primitives import likely, low, sext, u64
from hw.cpu.semantics.handler import Handler, address, position
from hw.cpu.semantics.move import condition
from hw.cpu.state import JUMP_ENTRIES, JUMP_OFFSET, CpuState

_NEGATIVE: Final = 1 << 63


def go_linked(s: CpuState, u: MicroOp, which: int, extra: int) -> None:
    """End the block; go on at target ``which`` through its link."""
    left = u64(budget_left() - position(u) - extra)
    link = u.link_0 if which == 0 else u.link_1
    if likely(link != 0 and left < _NEGATIVE):
        dispatch(link, left)
    else:
        s.rip = u.target_0 if which == 0 else u.target_1
        s.link_slot = micro_op_address(SLOT + 16 * which)
        leave(left)


def go_to(s: CpuState, u: MicroOp, target: int, extra: int) -> None:
    """End the block; go on at an address through the jump cache."""
    left = u64(budget_left() - position(u) - extra)
    entry = JUMP_OFFSET + (target & (JUMP_ENTRIES - 1)) * 16
    if likely(get(s, entry, 64) == target and left < _NEGATIVE):
        dispatch(get(s, entry + 8, 64), left)
    else:
        s.rip = target
        s.link_slot = 0
        leave(left)


def go(s: CpuState, u: MicroOp, which: int, linked: bool, extra: int) -> None:
    """End the block at one of its two targets."""
    if linked:
        go_linked(s, u, which, extra)
    else:
        go_to(s, u, u.target_0 if which == 0 else u.target_1, extra)


def jmp(s: CpuState, u: MicroOp, linked: bool) -> None:
    """Direct jump, or the end of a block that falls through."""
    go(s, u, 0, linked, 1)


def jump_if(s: CpuState, u: MicroOp, code: int, after_compare: bool, linked: bool) -> None:
    """Conditional jump."""
    if condition(s, code, after_compare):
        go(s, u, 0, linked, 1)
    else:
        go(s, u, 1, linked, 1)


def _two(s: CpuState, u: MicroOp, bits: int, operands: str) -> tuple[int, int]:
    """Left and right operand of a fused comparison."""
    if operands == "rr":
        return get(s, u.a, bits), get(s, u.b, bits)
    if operands == "ri":
        return get(s, u.a, bits), low(u.imm, bits)
    value = load(s, address(s, u, "m"), bits)
    if operands == "rm":
        return get(s, u.a, bits), value
    if operands == "mr":
        return value, get(s, u.b, bits)
    return value, low(u.imm, bits)


def compare_jump(
    s: CpuState, u: MicroOp, bits: int, operands: str, code: int, linked: bool
) -> None:
    """CMP fused with the conditional jump after it."""
    a, b = _two(s, u, bits, operands)
    set_compare(s, a, b, bits)
    if compare_holds(sext(a, bits), sext(b, bits), code):
        go(s, u, 0, linked, 2)
    else:
        go(s, u, 1, linked, 2)


def test_jump(s: CpuState, u: MicroOp, bits: int, operands: str, code: int, linked: bool) -> None:
    """TEST fused with the conditional jump after it."""
    a, b = _two(s, u, bits, operands)
    set_logic(s, a & b, bits)
    if compare_holds(sext(a & b, bits), 0, code):
        go(s, u, 0, linked, 2)
    else:
        go(s, u, 1, linked, 2)


def push_return(s: CpuState, u: MicroOp) -> None:
    """Push the return address, which is the micro-op's immediate."""
    top = u64(s.rsp - 8)
    store(s, top, 64, u.imm)
    s.rsp = top


def call(s: CpuState, u: MicroOp, linked: bool) -> None:
    """Direct call."""
    push_return(s, u)
    go(s, u, 0, linked, 1)


def _indirect_target(s: CpuState, u: MicroOp, form: str) -> int:
    """Address in a register (form "r") or in memory."""
    return get(s, u.b, 64) if form == "r" else load(s, address(s, u, form), 64)


def jmp_indirect(s: CpuState, u: MicroOp, form: str) -> None:
    """Jump to an address in a register or in memory."""
    go_to(s, u, _indirect_target(s, u, form), 1)


def call_indirect(s: CpuState, u: MicroOp, form: str) -> None:
    """Call an address in a register or in memory."""
    place = _indirect_target(s, u, form)
    push_return(s, u)
    go_to(s, u, place, 1)


def ret(s: CpuState, u: MicroOp) -> None:
    """Return, dropping ``imm`` more bytes."""
    target = load(s, s.rsp, 64)
    s.rsp = u64(s.rsp + 8 + u.imm)
    go_to(s, u, target, 1)


def loop(s: CpuState, u: MicroOp, bits: int, code: Any, linked: bool) -> None:
    """LOOP, LOOPE, LOOPNE: count rcx (ecx with the address-size prefix) down."""
    left = low(u64(get(s, 8, bits) - 1), bits)
    again = left != 0 if code is None else left != 0 and holds(s, code)
    put(s, 8, bits, left)
    if again:
        go(s, u, 0, linked, 1)
    else:
        go(s, u, 1, linked, 1)


def jump_if_zero_count(s: CpuState, u: MicroOp, bits: int, linked: bool) -> None:
    """JRCXZ, JECXZ."""
    if get(s, 8, bits) == 0:
        go(s, u, 0, linked, 1)
    else:
        go(s, u, 1, linked, 1)


def handlers() -> Iterator[Handler]:
    """All of this family; a name ends in _far where the targets leave the page."""
    for linked in (True, False):
        end = "" if linked else "_far"
        yield Handler(f"jmp{end}", jmp, (linked,))
        yield Handler(f"call{end}", call, (linked,))
        for code in range(16):
            yield Handler(f"j{code}{end}", jump_if, (code, False, linked))
        for code in (*sorted(COMPARE_CONDITIONS), 8, 9):
            yield Handler(f"j{code}_ac{end}", jump_if, (code, True, linked))
        for bits in (16, 32, 64):
            yield Handler(f"jcxz{bits}{end}", jump_if_zero_count, (bits, linked))
            for name, kind in (("loop", None), ("loope", 4), ("loopne", 5)):
                yield Handler(f"{name}{bits}{end}", loop, (bits, kind, linked))
        yield from _fused(end, linked)
    for form in "rmx":
        yield Handler(f"jmp_{form}", jmp_indirect, (form,))
        yield Handler(f"call_{form}", call_indirect, (form,))
    yield Handler("ret", ret)


def _fused(end: str, linked: bool) -> Iterator[Handler]:
    for bits in (8, 16, 32, 64):
        for operands in ("rr", "ri", "rm", "mr", "mi") if bits != 16 else ("rr", "ri"):
            for code in sorted(COMPARE_CONDITIONS):
                constants = (bits, operands, code, linked)
                yield Handler(f"cmp{bits}_{operands}_j{code}{end}", compare_jump, constants)
        for operands in ("rr", "ri", "mi") if bits == 8 else ("rr", "ri"):
            for code in (4, 5, 8, 9, 14, 15):
                constants = (bits, operands, code, linked)
                yield Handler(f"test{bits}_{operands}_j{code}{end}", test_jump, constants)
