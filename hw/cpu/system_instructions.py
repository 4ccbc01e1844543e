"""The instructions that Python executes (hw.cpu.encodings.system): one function a mnemonic.

``execute`` finds it. rip is that of the next instruction while a function runs; a fault puts it
back. A function that refuses raises CpuFault before it has changed anything.

Spec: AMD64 APM vol. 3, section 4 (system instructions), and those named there.
State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from iced_x86 import Code, Mnemonic, OpKind, Register

from hw.cpu import (
    control_registers,
    debug_registers,
    far_transfer,
    halt,
    interrupt_delivery,
    legacy_instructions,
    mode,
    msr,
    port_io,
    segment_instructions,
    string_instructions,
)
from hw.cpu.exits import CpuFault
from hw.cpu.far_transfer import set_flags
from hw.cpu.halt import HALTED_HLT
from hw.cpu.operand_access import Operands
from hw.cpu.privilege_stack import Stack
from hw.cpu.tlb_banks import CONTEXT_PCID
from hw.spec.address import is_canonical
from hw.spec.registers import (
    CR0_EM,
    CR0_MP,
    CR0_PE,
    CR0_TS,
    CR4_FSGSBASE,
    CR4_PCIDE,
    CR4_SMAP,
    CR4_UMIP,
    RFLAGS_AC,
    RFLAGS_IF,
    RFLAGS_RF,
    RFLAGS_VM,
)
from hw.spec.vectors import BREAKPOINT, DEBUG, GENERAL_PROTECTION, INVALID_OPCODE, OVERFLOW

if TYPE_CHECKING:
    from hw.cpu.core import Core

_MASK32: Final = 0xFFFF_FFFF
_PCID_TYPES: Final = 4


def _require(core: "Core", level: int = 0) -> None:
    """#GP unless the current privilege is ``level`` or an inner one."""
    if core.state.cpl > level:
        raise CpuFault(GENERAL_PROTECTION)


def _operand_size(op: Operands) -> int:
    """Bytes of the form that a mnemonic's last letter, or its code's name, states."""
    return {"W": 2, "D": 4, "Q": 8}[_letter(op.i)]


def _letter(i: Any) -> str:
    name = _NAMES[i.code].split("_")[0]
    return name[-1]


_NAMES: Final = {v: k for k, v in vars(Code).items() if isinstance(v, int)}
_MNEMONIC_NAMES: Final = {v: k for k, v in vars(Mnemonic).items() if isinstance(v, int)}


# -- processor state --------------------------------------------------------------------------


def _hlt(core: "Core", _op: Operands) -> None:
    _require(core)
    core.state.halted = HALTED_HLT


def _cli(core: "Core", _op: Operands) -> None:
    _require(core, core.state.rflags >> 12 & 3)
    core.state.rflags &= ~RFLAGS_IF


def _sti(core: "Core", _op: Operands) -> None:
    """Interrupts come after the next instruction, if they were off."""
    _require(core, core.state.rflags >> 12 & 3)
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
    size = _operand_size(op)
    stack = Stack.current(core)
    value = stack.pop(size)
    stack.commit()
    set_flags(core, value & ~RFLAGS_RF, size, with_rf=True)
    core.look_again()


def _pushf(core: "Core", op: Operands) -> None:
    stack = Stack.current(core)
    stack.push(core.state.rflags & ~(RFLAGS_RF | RFLAGS_VM), _operand_size(op))
    stack.commit()


def _move_control(core: "Core", op: Operands) -> None:
    i = op.i
    _require(core)
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
    name = _NAMES[op.i.code]
    if "_CR" in name:
        _move_control(core, op)
    elif "_DR" in name:
        _move_debug(core, op)
    else:
        segment_instructions.move(core, op)


def _clts(core: "Core", _op: Operands) -> None:
    _require(core)
    control_registers.write_cr0(core, core.state.cr0 & ~CR0_TS)


def _lmsw(core: "Core", op: Operands) -> None:
    """PE can be set but not cleared."""
    _require(core)
    low = CR0_PE | CR0_MP | CR0_EM | CR0_TS
    value = op.read(0, 2) & low
    old = core.state.cr0
    control_registers.write_cr0(core, (old & ~(low & ~CR0_PE)) | value)


def _smsw(core: "Core", op: Operands) -> None:
    _refuse_umip(core)
    op.write(0, 2, core.state.cr0)


def _refuse_umip(core: "Core") -> None:
    if core.state.cpl > 0 and core.state.cr4 & CR4_UMIP:
        raise CpuFault(GENERAL_PROTECTION)


def _rdmsr(core: "Core", _op: Operands) -> None:
    _require(core)
    state = core.state
    value = msr.read(core, state.rcx & _MASK32)
    state.rax, state.rdx = value & _MASK32, value >> 32


def _wrmsr(core: "Core", _op: Operands) -> None:
    _require(core)
    state = core.state
    value = (state.rdx & _MASK32) << 32 | (state.rax & _MASK32)
    msr.write(core, state.rcx & _MASK32, value)


def _fs_gs_base(core: "Core", op: Operands) -> None:
    """RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE."""
    state = core.state
    if not state.cr4 & CR4_FSGSBASE or not mode.is_64(state):
        raise CpuFault(INVALID_OPCODE)
    name = _MNEMONIC_NAMES[op.i.mnemonic]
    field = f"{name[2:4].lower()}_base"
    register = op.i.op0_register
    if name.startswith("RD"):
        op.set_register(register, getattr(state, field))
        return
    value = op.register(register)
    if not is_canonical(value):
        raise CpuFault(GENERAL_PROTECTION)
    setattr(state, field, value)


# -- caches and translations ------------------------------------------------------------------


def _privileged_nothing(core: "Core", _op: Operands) -> None:
    """INVD, WBINVD, WBNOINVD: caches are never stale here."""
    _require(core)


def _touch(core: "Core", op: Operands) -> None:
    """CLFLUSH: faults as a load of a byte does."""
    core.memory.read(op.address(1), 1)


def _invlpg(core: "Core", op: Operands) -> None:
    _require(core)
    segment = op.i.memory_segment
    base = {Register.FS: core.state.fs_base, Register.GS: core.state.gs_base}.get(segment, 0)
    address = (base + op.offset()) & (1 << 64) - 1
    if is_canonical(address):
        core.flush_page(address)


def _invpcid(core: "Core", op: Operands) -> None:
    """Type 0: one page of a PCID; 1: a PCID; 2: everything; 3: everything but global pages."""
    _require(core)
    state = core.state
    kind = op.register(op.i.op0_register)
    place = op.address(16)
    descriptor = core.memory.read(place, 16)
    pcid, address = descriptor & _MASK32 * 0x1_0000_0001, descriptor >> 64
    wrong = kind >= _PCID_TYPES or (kind <= 1 and pcid >> 12)
    wrong = wrong or (kind == 0 and not is_canonical(address))
    if wrong or (kind <= 1 and pcid and not state.cr4 & CR4_PCIDE):
        raise CpuFault(GENERAL_PROTECTION)
    if kind == 0:
        core.flush_page(address)
    elif kind == 2:
        core.flush_tlb()
    else:
        core.flush_local(CONTEXT_PCID if kind == 1 else 0, pcid)


def _monitor(core: "Core", op: Operands) -> None:
    """Note the line to watch; extensions in ecx are refused."""
    _require(core)
    state = core.state
    if state.rcx & _MASK32:
        raise CpuFault(GENERAL_PROTECTION)
    place = op.linear(op.i.segment_prefix or Register.DS, _monitor_offset(op), 1)
    core.memory.read(place, 1)
    halt.arm(core, core.memory.translate(place, 0))


def _monitor_offset(op: Operands) -> int:
    width = {"W": 16, "D": 32, "Q": 64}[_letter(op.i)]
    return op.register(Register.RAX) & (1 << width) - 1


def _mwait(core: "Core", _op: Operands) -> None:
    """Wait for the line; bit 0 of ecx: an interrupt that IF masks ends the wait, too."""
    _require(core)
    extensions = core.state.rcx & _MASK32
    if extensions & ~1:
        raise CpuFault(GENERAL_PROTECTION)
    halt.wait(core, masked=bool(extensions))


def _rdpmc(_core: "Core", _op: Operands) -> None:
    raise CpuFault(GENERAL_PROTECTION)  # there are no counters


def _rdtsc(core: "Core", _op: Operands) -> None:
    """RDTSC and RDTSCP get here only where CR4.TSD forbids them."""
    assert core.state.cpl > 0
    raise CpuFault(GENERAL_PROTECTION)


# -- transfers --------------------------------------------------------------------------------


def _int(core: "Core", op: Operands) -> None:
    interrupt_delivery.deliver(core, op.i.immediate(0), software=True)


def _int3(core: "Core", _op: Operands) -> None:
    interrupt_delivery.deliver(core, BREAKPOINT, software=True)


def _int1(core: "Core", _op: Operands) -> None:
    interrupt_delivery.deliver(core, DEBUG)


def _into(core: "Core", _op: Operands) -> None:
    if core.state.rflags >> 11 & 1:
        interrupt_delivery.deliver(core, OVERFLOW, software=True)


def _far_pointer(op: Operands) -> tuple[int, int, int]:
    """Selector, offset and operand size of a far JMP or CALL."""
    i = op.i
    name = _NAMES[i.code]
    size = {"16": 2, "32": 4, "64": 8}[name[-2:]]
    if i.op0_kind == OpKind.FAR_BRANCH16:
        return i.far_branch_selector, i.far_branch16, size
    if i.op0_kind == OpKind.FAR_BRANCH32:
        return i.far_branch_selector, i.far_branch32, size
    value = op.read(0, size + 2)
    return value >> 8 * size, value & (1 << 8 * size) - 1, size


def _jmp(core: "Core", op: Operands) -> None:
    selector, offset, _ = _far_pointer(op)
    far_transfer.jump(core, selector, offset)


def _call(core: "Core", op: Operands) -> None:
    selector, offset, size = _far_pointer(op)
    far_transfer.call(core, selector, offset, size)


def _retf(core: "Core", op: Operands) -> None:
    extra = op.i.immediate(0) if op.i.op_count else 0
    far_transfer.far_return(core, _operand_size(op), extra)


def _iret(core: "Core", op: Operands) -> None:
    far_transfer.interrupt_return(core, _operand_size(op))
    core.look_again()


def _sysret(core: "Core", op: Operands) -> None:
    far_transfer.sysret(core, wide=op.i.code == Code.SYSRETQ)
    core.look_again()


# -- ports ------------------------------------------------------------------------------------


def _in(core: "Core", op: Operands) -> None:
    port, size = _port(op)
    port_io.check(core, port, size)
    op.set_register(op.i.op0_register, core.ports.read(port, size))


def _out(core: "Core", op: Operands) -> None:
    port, size = _port(op)
    port_io.check(core, port, size)
    core.ports.write(port, size, op.register(op.i.op1_register))


def _port(op: Operands) -> tuple[int, int]:
    port = op.port()
    assert port is not None
    return port


Function = Callable[["Core", Operands], None]

_STRINGS: Final = ("INS", "OUTS", "MOVS", "STOS", "LODS", "SCAS", "CMPS")
TABLE: Final[dict[str, Function]] = {
    "HLT": _hlt, "CLI": _cli, "STI": _sti, "STAC": _set_ac, "CLAC": _set_ac,
    "POPF": _popf, "POPFD": _popf, "POPFQ": _popf,
    "PUSHF": _pushf, "PUSHFD": _pushf, "PUSHFQ": _pushf,
    "MOV": _mov, "CLTS": _clts, "LMSW": _lmsw, "SMSW": _smsw, "RDMSR": _rdmsr, "WRMSR": _wrmsr,
    **dict.fromkeys(("RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE"), _fs_gs_base),
    **dict.fromkeys(("INVD", "WBINVD", "WBNOINVD"), _privileged_nothing),
    "CLFLUSH": _touch, "CLFLUSHOPT": _touch, "INVLPG": _invlpg, "INVPCID": _invpcid,
    "MONITOR": _monitor, "MWAIT": _mwait, "RDPMC": _rdpmc, "RDTSC": _rdtsc, "RDTSCP": _rdtsc,
    "INT": _int, "INT3": _int3, "INT1": _int1, "INTO": _into, "JMP": _jmp, "CALL": _call,
    "RETF": _retf, "IRET": _iret, "IRETD": _iret, "IRETQ": _iret,
    "SYSCALL": lambda core, _: far_transfer.syscall(core), "SYSRET": _sysret,
    "SYSRETQ": _sysret,
    "SYSENTER": lambda core, _: far_transfer.sysenter(core),
    "SYSEXIT": lambda core, _: far_transfer.sysexit(core),
    "SYSEXITQ": lambda core, _: far_transfer.sysexit(core),
    "SWAPGS": lambda core, _: far_transfer.swapgs(core),
    "IN": _in, "OUT": _out,
    **{f"{name}{letter}": string_instructions.execute for name in _STRINGS for letter in "BWDQ"},
    **segment_instructions.TABLE,
    **legacy_instructions.TABLE,
}  # fmt: skip


def execute(core: "Core", i: Any) -> None:
    """Execute a decoded instruction at rip.

    Raises:
        CpuFault: it faults; rip is its own again.

    """
    state = core.state
    name = _MNEMONIC_NAMES[i.mnemonic]
    function = TABLE.get(name)
    if function is None:
        raise CpuFault(INVALID_OPCODE)
    start = state.rip
    following = mode.ip(state) + i.len
    mode.set_ip(state, following)
    try:
        function(core, Operands(core, i))
    except CpuFault:
        state.rip = start
        raise
