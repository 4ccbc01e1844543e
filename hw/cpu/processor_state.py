"""Instructions on the processor's own state: flags, control, debug and model-specific registers.

CLI, STI and POPF are native but for what is out of the ordinary (hw.cpu.semantics.privilege,
hw.cpu.semantics.stack).

Spec: AMD64 APM vol. 3, section 4 (system instructions), and those named there.
State: CpuState. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iced_x86 import Mnemonic, Register

from hw.cpu import control_registers, debug_registers, mode, msr, segment_instructions
from hw.cpu.exits import CpuFault
from hw.cpu.flags_load import load_flags
from hw.cpu.halt import HALTED_HLT
from hw.cpu.mode import refuse_umip, require
from hw.cpu.operand_access import CODE_NAMES, MNEMONIC_NAMES, Operands
from hw.cpu.privilege_stack import Stack
from hw.spec.address import is_canonical
from hw.spec.registers import (
    CR0_EM,
    CR0_MP,
    CR0_PE,
    CR0_TS,
    CR4_FSGSBASE,
    CR4_SMAP,
    RFLAGS_AC,
    RFLAGS_IF,
    RFLAGS_RF,
    RFLAGS_VM,
)
from hw.spec.vectors import GENERAL_PROTECTION, INVALID_OPCODE

if TYPE_CHECKING:
    from hw.cpu.core import Core

_MASK32: Final = 0xFFFF_FFFF


def _hlt(core: "Core", _op: Operands) -> None:
    require(core)
    core.state.halted = HALTED_HLT


def _cli(core: "Core", _op: Operands) -> None:
    require(core, core.state.rflags >> 12 & 3)
    core.state.rflags &= ~RFLAGS_IF


def _sti(core: "Core", _op: Operands) -> None:
    """Interrupts come after the next instruction, if they were off."""
    require(core, core.state.rflags >> 12 & 3)
    if not core.state.rflags & RFLAGS_IF:
        core.state.rflags |= RFLAGS_IF
        core.begin_shadow()
        core.look_again()


def _set_ac(core: "Core", op: Operands) -> None:
    if not core.state.cr4 & CR4_SMAP:
        raise CpuFault(INVALID_OPCODE)
    if core.state.cpl != 0:
        raise CpuFault(INVALID_OPCODE)
    if op.i.mnemonic == Mnemonic.STAC:
        core.state.rflags |= RFLAGS_AC
    else:
        core.state.rflags &= ~RFLAGS_AC
    mode.update(core)


def _popf(core: "Core", op: Operands) -> None:
    size = op.stated_size()
    stack = Stack.current(core)
    value = stack.pop(size)
    stack.commit()
    load_flags(core, value & ~RFLAGS_RF, size, core.state.cpl, with_rf=True)
    core.look_again()


def _pushf(core: "Core", op: Operands) -> None:
    stack = Stack.current(core)
    stack.push(core.state.rflags & ~(RFLAGS_RF | RFLAGS_VM), op.stated_size())
    stack.commit()


def _move_control(core: "Core", op: Operands) -> None:
    i = op.i
    require(core)
    to_register = Register.CR0 <= i.op0_register <= Register.CR15
    bits64 = mode.is_64(core.state)
    if to_register:
        value = op.register(i.op1_register)
        number = i.op0_register - Register.CR0
        control_registers.write(core, number, value)
    else:
        value = control_registers.read(core, i.op1_register - Register.CR0)
        op.set_register(i.op0_register, value if bits64 else value & _MASK32)


def _move_debug(core: "Core", op: Operands) -> None:
    i = op.i
    if Register.DR0 <= i.op0_register <= Register.DR15:
        debug_registers.write(core, i.op0_register - Register.DR0, op.register(i.op1_register))
    else:
        op.set_register(i.op0_register, debug_registers.read(core, i.op1_register - Register.DR0))


def _mov(core: "Core", op: Operands) -> None:
    """MOV of a control, debug or segment register."""
    name = CODE_NAMES[op.i.code]
    if "_CR" in name:
        _move_control(core, op)
    elif "_DR" in name:
        _move_debug(core, op)
    else:
        segment_instructions.move(core, op)


def _clts(core: "Core", _op: Operands) -> None:
    require(core)
    control_registers.write_cr0(core, core.state.cr0 & ~CR0_TS)


def _lmsw(core: "Core", op: Operands) -> None:
    """PE can be set but not cleared."""
    require(core)
    low = CR0_PE | CR0_MP | CR0_EM | CR0_TS
    value = op.read(0, 2) & low
    old = core.state.cr0
    control_registers.write_cr0(core, (old & ~(low & ~CR0_PE)) | value)


def _smsw(core: "Core", op: Operands) -> None:
    refuse_umip(core)
    op.write(0, 2, core.state.cr0)


def _rdmsr(core: "Core", _op: Operands) -> None:
    require(core)
    state = core.state
    value = msr.read(core, state.rcx & _MASK32)
    state.rax, state.rdx = value & _MASK32, value >> 32


def _wrmsr(core: "Core", _op: Operands) -> None:
    require(core)
    state = core.state
    value = (state.rdx & _MASK32) << 32 | (state.rax & _MASK32)
    msr.write(core, state.rcx & _MASK32, value)


def _fs_gs_base(core: "Core", op: Operands) -> None:
    """RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE."""
    state = core.state
    if not state.cr4 & CR4_FSGSBASE or not mode.is_64(state):
        raise CpuFault(INVALID_OPCODE)
    name = MNEMONIC_NAMES[op.i.mnemonic]
    field = f"{name[2:4].lower()}_base"
    register = op.i.op0_register
    if name.startswith("RD"):
        op.set_register(register, getattr(state, field))
        return
    value = op.register(register)
    if not is_canonical(value):
        raise CpuFault(GENERAL_PROTECTION)
    setattr(state, field, value)


TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {
    "HLT": _hlt, "CLI": _cli, "STI": _sti, "STAC": _set_ac, "CLAC": _set_ac,
    "POPF": _popf, "POPFD": _popf, "POPFQ": _popf,
    "PUSHF": _pushf, "PUSHFD": _pushf, "PUSHFQ": _pushf,
    "MOV": _mov, "CLTS": _clts, "LMSW": _lmsw, "SMSW": _smsw, "RDMSR": _rdmsr, "WRMSR": _wrmsr,
    **dict.fromkeys(("RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE"), _fs_gs_base),
}  # fmt: skip
