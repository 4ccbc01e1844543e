"""Transfers between code segments and privilege levels: far JMP, CALL, RET; IRET; SYSCALL and kin.

Task switches by hardware are not there: a JMP or CALL to a TSS or task gate is #GP, as in long mode
everywhere.

Spec: AMD64 APM vol. 2, 4.11, 6.1; vol. 3, IRET, SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS.
State: CpuState; descriptor tables and stacks in guest memory.
Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu import mode, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.privilege_stack import Stack, inner_stack
from hw.cpu.segmentation import put, put_null, put_real
from hw.spec import descriptors
from hw.spec.descriptors import (
    ATTRIBUTE_LONG,
    CALL_GATE,
    CALL_GATE_16,
    FLAT_CODE_32,
    FLAT_CODE_64,
    FLAT_DATA,
    FLAT_LIMIT,
    SELECTOR_RPL,
    Descriptor,
    Gate,
)
from hw.spec.registers import (
    EFER_SCE,
    RFLAGS_FIXED,
    RFLAGS_FREE,
    RFLAGS_IF,
    RFLAGS_IOPL,
    RFLAGS_NT,
    RFLAGS_RF,
    RFLAGS_VM,
)
from hw.spec.vectors import GENERAL_PROTECTION, INVALID_OPCODE, SEGMENT_NOT_PRESENT

if TYPE_CHECKING:
    from hw.cpu.core import Core

_SYSRET_FLAGS: Final = RFLAGS_FREE | RFLAGS_IF | RFLAGS_IOPL


def set_flags(core: "Core", value: int, size: int, *, with_rf: bool) -> None:
    """RFLAGS as POPF or IRET of ``size`` bytes may change it at the current privilege."""
    state = core.state
    mask = RFLAGS_FREE | (RFLAGS_RF if with_rf else 0)
    if state.cpl == 0:
        mask |= RFLAGS_IOPL
    if state.cpl <= (state.rflags >> 12 & 3):
        mask |= RFLAGS_IF
    if size == 2:
        mask &= 0xFFFF
    state.rflags = (state.rflags & ~mask) | (value & mask) | RFLAGS_FIXED
    mode.update(core)


def jump(core: "Core", selector: int, offset: int) -> None:
    """Far JMP.

    Raises:
        CpuFault: #GP, #NP.

    """
    state = core.state
    if mode.is_real(state):
        _enter_real(core, selector, offset)
        return
    found = _destination(core, selector)
    if found.is_system:
        gate = _call_gate(core, found)
        found, offset = segmentation.get(core, gate.selector), gate.offset
        _check_gate_target(core, found)
        if not found.is_conforming and found.dpl != state.cpl:
            raise CpuFault(GENERAL_PROTECTION, found.selector & ~SELECTOR_RPL)
    else:
        _check_direct(core, found, selector & SELECTOR_RPL)
    segmentation.check_code(core, found)
    segmentation.enter_code(core, found, state.cpl, offset)


def call(core: "Core", selector: int, offset: int, size: int) -> None:
    """Far CALL with an operand size of 2, 4 or 8 bytes; rip is the address after it.

    Raises:
        CpuFault: #GP, #NP, #SS, #TS, #PF.

    """
    state = core.state
    if not mode.is_real(state):
        found = _destination(core, selector)
        if found.is_system:
            _call_through(core, _call_gate(core, found))
            return
        _check_direct(core, found, selector & SELECTOR_RPL)
        segmentation.check_code(core, found)
    stack = Stack.current(core)
    stack.push(state.cs_selector, size)
    stack.push(mode.ip(state), size)
    if mode.is_real(state):
        _enter_real(core, selector, offset)
    else:
        segmentation.enter_code(core, found, state.cpl, offset)
    stack.commit()


def _enter_real(core: "Core", selector: int, offset: int) -> None:
    state = core.state
    if offset > state.cs_limit:
        raise CpuFault(GENERAL_PROTECTION)
    put_real(state, "cs", selector)
    mode.update(core)
    mode.set_ip(state, offset)


def _destination(core: "Core", selector: int) -> Descriptor:
    if segmentation.is_null(selector):
        raise CpuFault(GENERAL_PROTECTION)
    return segmentation.get(core, selector)


def _check_direct(core: "Core", found: Descriptor, rpl: int) -> None:
    level = core.state.cpl
    wrong = found.dpl > level if found.is_conforming else found.dpl != level or rpl > level
    if not found.is_code or wrong:
        raise CpuFault(GENERAL_PROTECTION, found.selector & ~SELECTOR_RPL)


def _call_gate(core: "Core", found: Descriptor) -> Gate:
    """The call gate that a system descriptor is."""
    state = core.state
    error = found.selector & ~SELECTOR_RPL
    kinds = (CALL_GATE,) if mode.is_long(state) else (CALL_GATE, CALL_GATE_16)
    if found.type not in kinds:
        raise CpuFault(GENERAL_PROTECTION, error)
    if found.dpl < max(state.cpl, found.selector & SELECTOR_RPL):
        raise CpuFault(GENERAL_PROTECTION, error)
    if not found.is_present:
        raise CpuFault(SEGMENT_NOT_PRESENT, error)
    low, high = segmentation.find_gate(core, found.selector)
    gate = descriptors.decode_gate(low, high)
    if segmentation.is_null(gate.selector):
        raise CpuFault(GENERAL_PROTECTION)
    return gate


def _check_gate_target(core: "Core", found: Descriptor) -> None:
    error = found.selector & ~SELECTOR_RPL
    if not found.is_code or found.dpl > core.state.cpl:
        raise CpuFault(GENERAL_PROTECTION, error)
    if mode.is_long(core.state) and not found.attributes & ATTRIBUTE_LONG:
        raise CpuFault(GENERAL_PROTECTION, error)
    segmentation.check_code(core, found)


def _call_through(core: "Core", gate: Gate) -> None:
    """CALL of a call gate, perhaps to an inner level with its own stack."""
    state = core.state
    found = segmentation.get(core, gate.selector)
    _check_gate_target(core, found)
    long = mode.is_long(state)
    size = 8 if long else 4 if gate.type == CALL_GATE else 2
    level = state.cpl if found.is_conforming else found.dpl
    if level < state.cpl:
        outer = Stack.current(core)
        stack = inner_stack(core, None, level)
        stack.push(state.ss_selector, size)
        stack.push(state.rsp, size)
        if long:
            stack.becomes = lambda: put_null(state, "ss", level)
        else:
            words = [outer.pop(size) for _ in range(gate.parameters)]
            for word in reversed(words):
                stack.push(word, size)
    else:
        stack = Stack.current(core)
    stack.push(state.cs_selector, size)
    stack.push(mode.ip(state), size)
    segmentation.enter_code(core, found, level, gate.offset)
    stack.commit()


def _return_code(core: "Core", selector: int) -> Descriptor:
    """The code segment to return to, checked."""
    state = core.state
    if segmentation.is_null(selector):
        raise CpuFault(GENERAL_PROTECTION)
    found = segmentation.get(core, selector)
    rpl = selector & SELECTOR_RPL
    wrong = found.dpl > rpl if found.is_conforming else found.dpl != rpl
    if not found.is_code or rpl < state.cpl or wrong:
        raise CpuFault(GENERAL_PROTECTION, selector & ~SELECTOR_RPL)
    segmentation.check_code(core, found)
    return found


def _outer_stack(core: "Core", selector: int, top: int, code: Descriptor, level: int) -> Stack:
    """The stack to return to together with a code segment."""
    state = core.state
    to_64 = mode.is_long(state) and bool(code.attributes & ATTRIBUTE_LONG)
    if segmentation.is_null(selector):
        if not to_64 or level == 3 or selector & SELECTOR_RPL != level:
            raise CpuFault(GENERAL_PROTECTION)
        stack = Stack(core, Descriptor(selector, 0, 0, 0), top, 64)
        stack.becomes = lambda: put_null(state, "ss", selector)
        return stack
    found = segmentation.get(core, selector)
    segmentation.check_stack(found, selector & SELECTOR_RPL, level)
    narrow = 32 if found.attributes & descriptors.ATTRIBUTE_BIG else 16
    stack = Stack(core, found, top, 64 if to_64 else narrow)
    stack.becomes = lambda: put(state, "ss", segmentation.mark(core, found))
    return stack


def far_return(core: "Core", size: int, extra: int) -> None:
    """RETF with an operand size of 2, 4 or 8 bytes, dropping ``extra`` bytes of parameters.

    Raises:
        CpuFault: #GP, #NP, #SS, #PF.

    """
    state = core.state
    stack = Stack.current(core)
    offset, selector = stack.pop(size), stack.pop(size) & 0xFFFF
    stack.drop(extra)
    if mode.is_real(state):
        _enter_real(core, selector, offset)
        stack.commit()
        return
    code = _return_code(core, selector)
    level = selector & SELECTOR_RPL
    outer = level > state.cpl
    if outer:
        top, stack_selector = stack.pop(size), stack.pop(size) & 0xFFFF
        stack = _outer_stack(core, stack_selector, top, code, level)
        stack.drop(extra)
    segmentation.enter_code(core, code, level, offset)
    stack.commit()
    if outer:
        segmentation.drop_inner(core)


def interrupt_return(core: "Core", size: int) -> None:
    """IRET with an operand size of 2, 4 or 8 bytes.

    Raises:
        CpuFault: #GP, #NP, #SS, #PF.

    """
    state = core.state
    if state.rflags & RFLAGS_NT and not mode.is_real(state):
        raise CpuFault(GENERAL_PROTECTION)
    stack = Stack.current(core)
    offset, selector, flags = stack.pop(size), stack.pop(size) & 0xFFFF, stack.pop(size)
    if mode.is_real(state):
        _enter_real(core, selector, offset)
        stack.commit()
        set_flags(core, flags, size, with_rf=size > 2)
        state.nmi_masked = 0
        return
    if flags & RFLAGS_VM and size == 4 and state.cpl == 0 and not mode.is_long(state):
        raise CpuFault(GENERAL_PROTECTION)  # there is no virtual-8086 mode
    code = _return_code(core, selector)
    level = selector & SELECTOR_RPL
    outer = level > state.cpl
    if outer or mode.is_64(state):
        top, stack_selector = stack.pop(size), stack.pop(size) & 0xFFFF
        stack = _outer_stack(core, stack_selector, top, code, level)
    old_level, old_iopl = state.cpl, state.rflags >> 12 & 3
    segmentation.enter_code(core, code, level, offset)
    stack.commit()
    _restore_flags(core, flags, size, old_level, old_iopl)
    state.nmi_masked = 0
    if outer:
        segmentation.drop_inner(core)


def _restore_flags(core: "Core", flags: int, size: int, level: int, iopl: int) -> None:
    """RFLAGS of IRET, by the privilege that executed it."""
    state = core.state
    mask = RFLAGS_FREE | RFLAGS_RF
    if level == 0:
        mask |= RFLAGS_IOPL
    if level <= iopl:
        mask |= RFLAGS_IF
    if size == 2:
        mask &= 0xFFFF
    state.rflags = (state.rflags & ~mask) | (flags & mask) | RFLAGS_FIXED
    mode.update(core)


def _flat(core: "Core", selector: int, code_attributes: int, level: int) -> None:
    """CS as SYSCALL and its kin set it: no descriptor is read."""
    state = core.state
    dpl = level << 5
    put(state, "cs", Descriptor(selector, 0, FLAT_LIMIT, code_attributes | dpl))


def _flat_stack(core: "Core", selector: int, level: int) -> None:
    put(core.state, "ss", Descriptor(selector, 0, FLAT_LIMIT, FLAT_DATA | level << 5))


def syscall(core: "Core") -> None:
    """SYSCALL; rip is the address after it.

    Raises:
        CpuFault: #UD.

    """
    state = core.state
    if not state.efer & EFER_SCE or mode.is_real(state):
        raise CpuFault(INVALID_OPCODE)
    selector = state.star >> 32 & 0xFFFC
    if mode.is_long(state):
        target = state.lstar if mode.is_64(state) else state.cstar
        state.rcx, state.r11 = mode.ip(state), state.rflags & ~RFLAGS_RF
        state.rflags &= ~(state.sfmask | RFLAGS_RF)
        _flat(core, selector, FLAT_CODE_64, 0)
    else:
        target = state.star & 0xFFFF_FFFF
        state.rcx = mode.ip(state)
        state.rflags &= ~(RFLAGS_IF | RFLAGS_RF | RFLAGS_VM)
        _flat(core, selector, FLAT_CODE_32, 0)
    state.rflags |= RFLAGS_FIXED
    _flat_stack(core, selector + 8, 0)
    mode.set_cpl(core, 0)
    mode.set_ip(state, target)


def sysret(core: "Core", *, wide: bool) -> None:
    """SYSRET; ``wide``: to 64-bit mode.

    A return address that is not canonical faults at its fetch, at user privilege, as on AMD.

    Raises:
        CpuFault: #UD, #GP.

    """
    state = core.state
    if not state.efer & EFER_SCE or mode.is_real(state):
        raise CpuFault(INVALID_OPCODE)
    if state.cpl != 0:
        raise CpuFault(GENERAL_PROTECTION)
    selector = state.star >> 48 & 0xFFFF
    long = mode.is_long(state)
    offset = state.rcx if wide else state.rcx & 0xFFFF_FFFF
    if wide:
        _flat(core, (selector + 16) | 3, FLAT_CODE_64, 3)
    else:
        _flat(core, selector | 3, FLAT_CODE_32, 3)
    state.ss_selector = (selector + 8) | 3  # AMD leaves the hidden part as it is
    if long:
        state.rflags = (state.r11 & _SYSRET_FLAGS) | RFLAGS_FIXED
    else:
        state.rflags |= RFLAGS_IF
    mode.set_cpl(core, 3)
    mode.set_ip(state, offset)


def sysenter(core: "Core") -> None:
    """SYSENTER: legacy mode only, as on AMD.

    Raises:
        CpuFault: #UD, #GP.

    """
    state = core.state
    if mode.is_long(state):
        raise CpuFault(INVALID_OPCODE)
    if mode.is_real(state) or segmentation.is_null(state.sysenter_cs):
        raise CpuFault(GENERAL_PROTECTION)
    selector = state.sysenter_cs & 0xFFFC
    state.rflags &= ~(RFLAGS_IF | RFLAGS_VM | RFLAGS_RF)
    _flat(core, selector, FLAT_CODE_32, 0)
    _flat_stack(core, selector + 8, 0)
    mode.set_cpl(core, 0)
    state.rsp = state.sysenter_esp & 0xFFFF_FFFF
    mode.set_ip(state, state.sysenter_eip & 0xFFFF_FFFF)


def sysexit(core: "Core") -> None:
    """SYSEXIT: legacy mode only, as on AMD.

    Raises:
        CpuFault: #UD, #GP.

    """
    state = core.state
    if mode.is_long(state):
        raise CpuFault(INVALID_OPCODE)
    if mode.is_real(state) or state.cpl != 0 or segmentation.is_null(state.sysenter_cs):
        raise CpuFault(GENERAL_PROTECTION)
    selector = state.sysenter_cs & 0xFFFC
    _flat(core, (selector + 16) | 3, FLAT_CODE_32, 3)
    _flat_stack(core, (selector + 24) | 3, 3)
    mode.set_cpl(core, 3)
    state.rsp = state.rcx & 0xFFFF_FFFF
    mode.set_ip(state, state.rdx & 0xFFFF_FFFF)


def swapgs(core: "Core") -> None:
    """SWAPGS.

    Raises:
        CpuFault: #UD outside 64-bit mode, #GP.

    """
    state = core.state
    if not mode.is_64(state):
        raise CpuFault(INVALID_OPCODE)
    if state.cpl != 0:
        raise CpuFault(GENERAL_PROTECTION)
    state.gs_base, state.kernel_gs_base = state.kernel_gs_base, state.gs_base
