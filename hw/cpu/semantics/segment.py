"""Outside 64-bit mode: operands through segments, stacks of 16 and 32 bits, near transfers.

A segment has a base, a limit and a type. A micro-op of its own checks an operand against them and
leaves its linear address in ``s.address``; the handler of the instruction goes on from there, the
same as in 64-bit mode. ``rip`` is linear, too: code segment base + instruction pointer; what the
program sees (return addresses) is counted from the base.

Spec: AMD64 APM vol. 2, 4.5.3, 4.7, 4.12; vol. 3, PUSH POP CALL RET JMP.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.exits import EXIT_TRACE
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, store
from hw.cpu.primitives import low, u32, u64
from hw.cpu.semantics.branch import go, go_to
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.system import leave_undone
from hw.cpu.state import SEGMENT_OFFSET, SEGMENT_SIZE, CpuState
from hw.cpu.subset import noinline
from hw.spec.descriptors import ATTRIBUTE_BIG, TYPE_CODE, TYPE_DOWN, TYPE_WRITABLE
from hw.spec.vectors import GENERAL_PROTECTION, STACK

#: In the immediate of an address micro-op, above the number of bytes less one.
OPERAND_WRITTEN: Final = 1 << 8
OPERAND_NARROW: Final = 1 << 9  #: 16-bit address

_SS: Final = 2
_RSP: Final = 4 * 8
_FS_BASE: Final = CpuState.offset_of("fs_base")
_SIZES: Final = (16, 32)


@noinline
def linear_address(s: CpuState, number: int, offset: int, last: int, write: int) -> int:
    """Linear address of ``last`` + 1 bytes in a segment; notes #GP, or #SS of the stack segment."""
    place = SEGMENT_OFFSET + number * SEGMENT_SIZE
    attributes = get(s, place + 8, 64)
    limit = get(s, place + 16, 64)
    allowed = attributes != 0
    if attributes & TYPE_CODE != 0:
        allowed = allowed and write == 0 and attributes & TYPE_WRITABLE != 0
    elif write != 0:
        allowed = allowed and attributes & TYPE_WRITABLE != 0
    if attributes & (TYPE_CODE | TYPE_DOWN) == TYPE_DOWN:
        top = 0xFFFF_FFFF if attributes & ATTRIBUTE_BIG != 0 else 0xFFFF
        allowed = allowed and offset > limit and offset + last <= top
    else:
        allowed = allowed and offset + last <= limit
    if not allowed:
        exception(s, STACK if number == _SS else GENERAL_PROTECTION, 0)
        return 0
    base = get(s, _FS_BASE + (number - 4) * 8, 64) if number >= 4 else get(s, place + 24, 64)
    return u32(base + offset)


def operand_offset(s: CpuState, u: MicroOp) -> None:
    """Leave the effective address of LEA in ``s.address``."""
    offset = address(s, u, "x")
    s.address = offset & 0xFFFF if u.imm & OPERAND_NARROW != 0 else u32(offset)


def operand_address(s: CpuState, u: MicroOp) -> None:
    """Leave the linear address of an operand in segment ``b`` in ``s.address``."""
    offset = address(s, u, "x")
    offset = offset & 0xFFFF if u.imm & OPERAND_NARROW != 0 else u32(offset)
    s.address = linear_address(s, u.b, offset, u.imm & 0xFF, u.imm & OPERAND_WRITTEN)
    if s.fault != 0:
        leave_fault()


def code_limit(s: CpuState, u: MicroOp) -> None:
    """Begin a block that fits its segment; else its instructions go one by one."""
    if u.imm > s.cs_limit:
        leave_undone(s, u, EXIT_TRACE)


def _push(s: CpuState, bits: int, stack: int, value: int) -> None:
    top = low(u64(s.rsp - bits // 8), stack)
    place = linear_address(s, _SS, top, bits // 8 - 1, 1)
    if s.fault != 0:
        leave_fault()
    store(s, place, bits, value)
    put(s, _RSP, stack, top)


def _top(s: CpuState, bits: int, stack: int) -> int:
    """What a pop would give; the stack pointer stays."""
    place = linear_address(s, _SS, low(s.rsp, stack), bits // 8 - 1, 0)
    if s.fault != 0:
        leave_fault()
    return load(s, place, bits)


def _drop(s: CpuState, stack: int, size: int) -> None:
    put(s, _RSP, stack, u64(s.rsp + size))


def push_r(s: CpuState, u: MicroOp, bits: int, stack: int) -> None:
    """Push a register."""
    _push(s, bits, stack, get(s, u.b, bits))


def push_i(s: CpuState, u: MicroOp, bits: int, stack: int) -> None:
    """Push an immediate."""
    _push(s, bits, stack, low(u.imm, bits))


def push_m(s: CpuState, u: MicroOp, bits: int, stack: int) -> None:
    """Push a memory operand."""
    _push(s, bits, stack, load(s, address(s, u, "m"), bits))


def pop_r(s: CpuState, u: MicroOp, bits: int, stack: int) -> None:
    """Pop into a register; into the stack pointer, the value wins over the increment."""
    value = _top(s, bits, stack)
    _drop(s, stack, bits // 8)
    put(s, u.a, bits, value)


def pop_m(s: CpuState, u: MicroOp, bits: int, stack: int) -> None:
    """Pop into memory."""
    value = _top(s, bits, stack)
    store(s, address(s, u, "m"), bits, value)
    _drop(s, stack, bits // 8)


def call(s: CpuState, u: MicroOp, bits: int, stack: int, linked: bool) -> None:
    """Direct near call."""
    _push(s, bits, stack, low(u.imm, bits))
    go(s, u, 0, linked, 1)


def _target(s: CpuState, offset: int) -> int:
    """Linear address to go to; an offset above the limit is #GP of the transfer."""
    if offset > s.cs_limit:
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    return u32(s.cs_base + offset)


def _operand(s: CpuState, u: MicroOp, bits: int, form: str) -> int:
    return get(s, u.b, bits) if form == "r" else load(s, address(s, u, "m"), bits)


def jmp_indirect(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """Near jump to an offset in a register or in memory."""
    go_to(s, u, _target(s, _operand(s, u, bits, form)), 1)


def call_indirect(s: CpuState, u: MicroOp, bits: int, stack: int, form: str) -> None:
    """Near call to an offset in a register or in memory."""
    target = _target(s, _operand(s, u, bits, form))
    _push(s, bits, stack, low(u.imm, bits))
    go_to(s, u, target, 1)


def ret(s: CpuState, u: MicroOp, bits: int, stack: int) -> None:
    """Near return, dropping ``imm`` more bytes."""
    target = _target(s, _top(s, bits, stack))
    _drop(s, stack, bits // 8 + u.imm)
    go_to(s, u, target, 1)


def handlers() -> Iterator[Handler]:
    """All of this family; names end in the width of the stack pointer."""
    yield Handler("operand_offset", operand_offset)
    yield Handler("operand_address", operand_address)
    yield Handler("code_limit", code_limit)
    for bits in _SIZES:
        for form in "rm":
            yield Handler(f"legacy_jmp{bits}_{form}", jmp_indirect, (bits, form))
        for stack in _SIZES:
            end = f"s{stack}"
            for function in (push_r, push_i, push_m, pop_r, pop_m):
                verb, form = function.__name__.split("_")
                yield Handler(f"legacy_{verb}{bits}_{form}_{end}", function, (bits, stack))
            for linked in (True, False):
                far = "" if linked else "_far"
                yield Handler(f"legacy_call{bits}_{end}{far}", call, (bits, stack, linked))
            for form in "rm":
                name = f"legacy_call{bits}_{form}_{end}"
                yield Handler(name, call_indirect, (bits, stack, form))
            yield Handler(f"legacy_ret{bits}_{end}", ret, (bits, stack))
