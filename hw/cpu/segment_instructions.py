"""Instructions about segments: moves, pushes and pops of segment registers, descriptor tables.

Spec: AMD64 APM vol. 3, MOV POP PUSH LDS LGDT SGDT LLDT LTR LAR LSL VERR VERW ARPL.
State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iced_x86 import Code, Mnemonic, Register

from hw.cpu import mode, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.mode import refuse_umip, require
from hw.cpu.operand_access import CODE_NAMES, Operands
from hw.cpu.operands import SEGMENTS
from hw.cpu.privilege_stack import Stack
from hw.cpu.state import SEGMENT_NAMES
from hw.spec.address import is_canonical
from hw.spec.descriptors import SELECTOR_RPL, Descriptor
from hw.spec.registers import RFLAGS_ZF
from hw.spec.vectors import GENERAL_PROTECTION, INVALID_OPCODE

if TYPE_CHECKING:
    from hw.cpu.core import Core

#: System types that LAR shows, and LSL; in long mode, and else.
_LAR_LONG: Final = (2, 9, 11, 12)
_LAR_LEGACY: Final = (1, 2, 3, 4, 5, 9, 11, 12)
_LSL_LONG: Final = (2, 9, 11)
_LSL_LEGACY: Final = (1, 2, 3, 9, 11)
_SHOWN: Final = 0xFF_FF00


def _load(core: "Core", register: int, selector: int) -> None:
    """Load a segment register; a load of SS holds interrupts off for one instruction."""
    if register == Register.CS:
        raise CpuFault(INVALID_OPCODE)
    segmentation.load(core, SEGMENTS.index(register), selector)
    if register == Register.SS:
        core.begin_shadow(stack=True)


def _selector(core: "Core", register: int) -> int:
    value: int = getattr(core.state, f"{SEGMENT_NAMES[SEGMENTS.index(register)]}_selector")
    return value


def move(core: "Core", op: Operands) -> None:
    """MOV of a segment register."""
    i = op.i
    if op.is_register(0) and i.op0_register in SEGMENTS:
        _load(core, i.op0_register, op.read(1, 2))
    else:
        op.write(0, 2, _selector(core, i.op1_register))


def _push(core: "Core", op: Operands) -> None:
    stack = Stack.current(core)
    size = op.stated_size()
    stack.push(_selector(core, op.i.op0_register), size)
    stack.commit()


def _pop(core: "Core", op: Operands) -> None:
    stack = Stack.current(core)
    size = op.stated_size()
    selector = stack.pop(size) & 0xFFFF
    if op.i.op0_register != Register.SS:
        _load(core, op.i.op0_register, selector)
        stack.commit()
    else:
        stack.commit()
        try:
            _load(core, op.i.op0_register, selector)
        except CpuFault:
            stack.drop(-size)
            stack.commit()
            raise


def _load_far(core: "Core", op: Operands) -> None:
    """LDS, LES, LSS, LFS, LGS."""
    i = op.i
    size = {"R16": 2, "R32": 4, "R64": 8}[CODE_NAMES[i.code].split("_")[1]]
    value = op.read(1, size + 2)
    segment = {
        Mnemonic.LDS: Register.DS, Mnemonic.LES: Register.ES, Mnemonic.LSS: Register.SS,
        Mnemonic.LFS: Register.FS, Mnemonic.LGS: Register.GS,
    }[i.mnemonic]  # fmt: skip
    segmentation.load(core, SEGMENTS.index(segment), value >> 8 * size)
    op.set_register(i.op0_register, value & (1 << 8 * size) - 1)


def _refuse_real(core: "Core") -> None:
    if mode.is_real(core.state):
        raise CpuFault(INVALID_OPCODE)


def _load_table(core: "Core", op: Operands) -> None:
    """LGDT, LIDT."""
    require(core)
    base_size = 8 if mode.is_64(core.state) else 4
    value = op.read(0, 2 + base_size)
    limit, base = value & 0xFFFF, value >> 16
    if op.i.code in (Code.LGDT_M1632_16, Code.LIDT_M1632_16):
        base &= 0xFF_FFFF
    if not is_canonical(base):
        raise CpuFault(GENERAL_PROTECTION)
    name = "gdtr" if op.i.mnemonic == Mnemonic.LGDT else "idtr"
    setattr(core.state, f"{name}_limit", limit)
    setattr(core.state, f"{name}_base", base)


def _store_table(core: "Core", op: Operands) -> None:
    """SGDT, SIDT."""
    refuse_umip(core)
    name = "gdtr" if op.i.mnemonic == Mnemonic.SGDT else "idtr"
    base_size = 8 if mode.is_64(core.state) else 4
    limit, base = getattr(core.state, f"{name}_limit"), getattr(core.state, f"{name}_base")
    op.write(0, 2 + base_size, limit | base << 16)


def _lldt(core: "Core", op: Operands) -> None:
    _refuse_real(core)
    require(core)
    segmentation.load_ldtr(core, op.read(0, 2))


def _ltr(core: "Core", op: Operands) -> None:
    _refuse_real(core)
    require(core)
    segmentation.load_tr(core, op.read(0, 2))


def _store_selector(core: "Core", op: Operands) -> None:
    """SLDT, STR."""
    _refuse_real(core)
    refuse_umip(core)
    state = core.state
    is_ldt = op.i.mnemonic == Mnemonic.SLDT
    op.write(0, 2, state.ldtr_selector if is_ldt else state.tr_selector)


def _visible(core: "Core", selector: int) -> Descriptor | None:
    """The descriptor, if the current privilege and the selector's may see it."""
    found = segmentation.find(core, selector)
    if found is None:
        return None
    level = max(core.state.cpl, selector & SELECTOR_RPL)
    return found if found.is_conforming or level <= found.dpl else None


def _set_zero_flag(core: "Core", *, on: bool) -> None:
    state = core.state
    state.rflags = state.rflags | RFLAGS_ZF if on else state.rflags & ~RFLAGS_ZF


def _lar(core: "Core", op: Operands) -> None:
    """LAR, LSL: ZF tells whether there was something to show."""
    _refuse_real(core)
    is_lar = op.i.mnemonic == Mnemonic.LAR
    selector = op.read(1, 2)
    found = _visible(core, selector)
    long = mode.is_long(core.state)
    kinds = (_LAR_LONG if long else _LAR_LEGACY) if is_lar else _LSL_LONG if long else _LSL_LEGACY
    if found is None or (found.is_system and found.type not in kinds):
        _set_zero_flag(core, on=False)
        return
    value = segmentation.find_gate(core, selector)[0] >> 32 & _SHOWN if is_lar else found.limit
    op.set_register(op.i.op0_register, value)
    _set_zero_flag(core, on=True)


def _verify(core: "Core", op: Operands) -> None:
    """VERR, VERW."""
    _refuse_real(core)
    found = _visible(core, op.read(0, 2))
    if found is None:
        _set_zero_flag(core, on=False)
    elif op.i.mnemonic == Mnemonic.VERR:
        _set_zero_flag(core, on=found.is_readable)
    else:
        _set_zero_flag(core, on=found.is_writable)


def _arpl(core: "Core", op: Operands) -> None:
    """Raise a selector's RPL to that of another."""
    _refuse_real(core)
    target, source = op.read(0, 2), op.read(1, 2)
    below = target & SELECTOR_RPL < source & SELECTOR_RPL
    if below:
        op.write(0, 2, (target & ~SELECTOR_RPL) | (source & SELECTOR_RPL))
    _set_zero_flag(core, on=below)


TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {
    "PUSH": _push, "POP": _pop,
    **dict.fromkeys(("LDS", "LES", "LSS", "LFS", "LGS"), _load_far),
    "LGDT": _load_table, "LIDT": _load_table, "SGDT": _store_table, "SIDT": _store_table,
    "LLDT": _lldt, "LTR": _ltr, "SLDT": _store_selector, "STR": _store_selector,
    "LAR": _lar, "LSL": _lar, "VERR": _verify, "VERW": _verify, "ARPL": _arpl,
}  # fmt: skip
