"""Instructions that only exist, or are only executed in Python, outside 64-bit mode.

Spec: AMD64 APM vol. 3, AAA AAD AAM AAS DAA DAS BOUND ENTER LEAVE POPA PUSHA XLAT BT.
State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iced_x86 import Code, Mnemonic, Register

from hw.cpu import memory_primitives, mode
from hw.cpu.exits import CpuFault
from hw.cpu.operand_access import CODE_NAMES, Operands, address_bits
from hw.cpu.privilege_stack import Stack
from hw.spec.registers import (
    RFLAGS_AF,
    RFLAGS_CF,
    RFLAGS_PF,
    RFLAGS_SF,
    RFLAGS_STATUS,
    RFLAGS_ZF,
)
from hw.spec.vectors import BOUND_RANGE, DIVIDE_ERROR

if TYPE_CHECKING:
    from hw.cpu.core import Core

_RSP: Final = 4
_RBP: Final = 5 * 8


def _set_flags(core: "Core", al: int, *, carry: bool, adjust: bool) -> None:
    """Flags of a decimal adjustment: sign, zero and parity of al."""
    flags = RFLAGS_CF if carry else 0
    flags |= RFLAGS_AF if adjust else 0
    flags |= RFLAGS_ZF if al == 0 else 0
    flags |= RFLAGS_SF if al & 0x80 else 0
    flags |= RFLAGS_PF if al.bit_count() % 2 == 0 else 0
    core.state.rflags = (core.state.rflags & ~RFLAGS_STATUS) | flags


def _decimal_adjust(core: "Core", op: Operands) -> None:
    """DAA, DAS."""
    state = core.state
    sign = 1 if op.i.mnemonic == Mnemonic.DAA else -1
    old = al = state.rax & 0xFF
    old_carry = carry = bool(state.rflags & RFLAGS_CF)
    adjust = al & 0xF > 9 or bool(state.rflags & RFLAGS_AF)
    if adjust:
        moved = al + 6 * sign
        carry = carry or not 0 <= moved <= 0xFF
        al = moved & 0xFF
    high = old > 0x99 or old_carry
    if high:
        al = (al + 0x60 * sign) & 0xFF
    carry = high or (carry and sign < 0)
    memory_primitives.put(state, 0, 8, al)
    _set_flags(core, al, carry=carry, adjust=adjust)


def _ascii_adjust(core: "Core", op: Operands) -> None:
    """AAA, AAS."""
    state = core.state
    sign = 1 if op.i.mnemonic == Mnemonic.AAA else -1
    ax = state.rax & 0xFFFF
    adjust = ax & 0xF > 9 or bool(state.rflags & RFLAGS_AF)
    if adjust:
        ax = (ax + 0x106 * sign) & 0xFFFF
    memory_primitives.put(state, 0, 16, ax & 0xFF0F)
    _set_flags(core, ax & 0x0F, carry=adjust, adjust=adjust)


def _aam(core: "Core", op: Operands) -> None:
    base = op.i.immediate(0) & 0xFF
    if base == 0:
        raise CpuFault(DIVIDE_ERROR)
    high, low = divmod(core.state.rax & 0xFF, base)
    memory_primitives.put(core.state, 0, 16, high << 8 | low)
    _set_flags(core, low, carry=False, adjust=False)


def _aad(core: "Core", op: Operands) -> None:
    ax = core.state.rax & 0xFFFF
    al = ((ax >> 8) * (op.i.immediate(0) & 0xFF) + ax) & 0xFF
    memory_primitives.put(core.state, 0, 16, al)
    _set_flags(core, al, carry=False, adjust=False)


def _salc(core: "Core", _op: Operands) -> None:
    memory_primitives.put(core.state, 0, 8, 0xFF if core.state.rflags & RFLAGS_CF else 0)


def _pusha(core: "Core", op: Operands) -> None:
    size = op.stated_size()
    stack = Stack.current(core)
    values = list(core.state.gpr[:8])
    for value in values:
        stack.push(value, size)
    stack.commit()


def _popa(core: "Core", op: Operands) -> None:
    size = op.stated_size()
    stack = Stack.current(core)
    values = [stack.pop(size) for _ in range(8)]
    stack.commit()
    for number, value in zip(range(7, -1, -1), values, strict=True):
        if number != _RSP:
            memory_primitives.put(core.state, 8 * number, 8 * size, value)


def _enter(core: "Core", op: Operands) -> None:
    state, size = core.state, op.stated_size()
    room, depth = op.i.immediate(0), op.i.immediate(1) & 31
    bits = mode.stack_bits(state)
    stack = Stack.current(core)
    stack.push(state.rbp, size)
    frame = stack.top
    for level in range(1, depth):
        place = (memory_primitives.get(state, _RBP, bits) - size * level) & (1 << bits) - 1
        stack.push(core.memory.read(op.linear(Register.SS, place, size), size), size)
    if depth:
        stack.push(frame, size)
    stack.drop(-room)
    stack.commit()
    memory_primitives.put(state, _RBP, 8 * size, frame)


def _leave(core: "Core", op: Operands) -> None:
    state, size = core.state, op.stated_size()
    stack = Stack.current(core)
    stack.top = memory_primitives.get(state, _RBP, mode.stack_bits(state))
    value = stack.pop(size)
    stack.commit()
    memory_primitives.put(state, _RBP, 8 * size, value)


def _bound(_core: "Core", op: Operands) -> None:
    """#BR if a signed index is outside two limits in memory."""
    size = 2 if op.i.code == Code.BOUND_R16_M1616 else 4
    pair = op.read(1, 2 * size)
    bits = 8 * size
    low, high, index = (
        _signed(value, bits)
        for value in (pair & (1 << bits) - 1, pair >> bits, op.register(op.i.op0_register))
    )
    if not low <= index <= high:
        raise CpuFault(BOUND_RANGE)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _xlat(core: "Core", op: Operands) -> None:
    state = core.state
    narrow = op.i.memory_base == Register.BX
    offset = (state.rbx + (state.rax & 0xFF)) & (0xFFFF if narrow else 0xFFFF_FFFF)
    place = op.linear(op.i.memory_segment, offset, 1)
    memory_primitives.put(state, 0, 8, core.memory.read(place, 1))


def _bit_test(core: "Core", op: Operands) -> None:
    """BT, BTS, BTR, BTC with the bit number in a register, which reaches beyond the operand."""
    i = op.i
    size = 2 if "R16" in CODE_NAMES[i.code] else 4
    bits = 8 * size
    number = op.register(i.op1_register)
    state = core.state
    if op.is_register(0):
        value = op.register(i.op0_register)
    else:
        step = _signed(number, bits) // bits * size
        narrow = address_bits(i) == 16
        offset = (op.offset() + step) & (0xFFFF if narrow else 0xFFFF_FFFF)
        place = op.linear(i.memory_segment, offset, size, write=i.mnemonic != Mnemonic.BT)
        value = core.memory.read(place, size)
    bit = 1 << number % bits
    new = {
        Mnemonic.BT: value, Mnemonic.BTS: value | bit, Mnemonic.BTR: value & ~bit,
        Mnemonic.BTC: value ^ bit,
    }[i.mnemonic]  # fmt: skip
    if i.mnemonic != Mnemonic.BT:
        if op.is_register(0):
            op.set_register(i.op0_register, new)
        else:
            core.memory.write(place, size, new)
    state.rflags = state.rflags | RFLAGS_CF if value & bit else state.rflags & ~RFLAGS_CF


TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {
    "DAA": _decimal_adjust, "DAS": _decimal_adjust, "AAA": _ascii_adjust, "AAS": _ascii_adjust,
    "AAM": _aam, "AAD": _aad, "SALC": _salc, "PUSHA": _pusha, "PUSHAD": _pusha, "POPA": _popa,
    "POPAD": _popa, "ENTER": _enter, "LEAVE": _leave, "BOUND": _bound, "XLATB": _xlat,
    **dict.fromkeys(("BT", "BTS", "BTR", "BTC"), _bit_test),
}  # fmt: skip
