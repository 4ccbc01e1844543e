"""Exceptions, software and external interrupts through the interrupt table.

    IVT (real mode): offset, segment          IDT: gates of 8 bytes, of 16 in long mode
    stack: [SS, RSP if the stack changes or in long mode], RFLAGS, CS, RIP, [error code]

A delivery either happens or raises the fault it met; ``raise_fault`` follows the chain of those to
the double fault and to shutdown.

Spec: AMD64 APM vol. 2, 8.2.9 (double fault), 8.6 (real mode), 8.7, 8.9 (long mode).
State: CpuState; IDT, GDT, TSS and stacks in guest memory. Context: the core, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu import debug_registers, mode, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.privilege_stack import Stack, inner_stack
from hw.cpu.segmentation import put_null, put_real
from hw.spec import descriptors
from hw.spec.descriptors import (
    ERROR_EXTERNAL,
    ERROR_IDT,
    INTERRUPT_GATE,
    INTERRUPT_GATE_16,
    SELECTOR_RPL,
    TRAP_GATE,
    TRAP_GATE_16,
    TSS64_IST1,
    Descriptor,
    Gate,
)
from hw.spec.registers import (
    RFLAGS_AC,
    RFLAGS_IF,
    RFLAGS_NT,
    RFLAGS_RF,
    RFLAGS_TF,
    RFLAGS_VM,
)
from hw.spec.vectors import (
    DEBUG,
    DIVIDE_ERROR,
    DOUBLE_FAULT,
    GENERAL_PROTECTION,
    INVALID_TSS,
    PAGE_FAULT,
    SEGMENT_NOT_PRESENT,
    STACK,
    WITH_ERROR_CODE,
)

if TYPE_CHECKING:
    from hw.cpu.core import Core

_CONTRIBUTORY: Final = frozenset(
    (DIVIDE_ERROR, INVALID_TSS, SEGMENT_NOT_PRESENT, STACK, GENERAL_PROTECTION)
)
_WIDE_GATES: Final = (INTERRUPT_GATE, TRAP_GATE)
_NARROW_GATES: Final = (INTERRUPT_GATE_16, TRAP_GATE_16)
_INTERRUPT_GATES: Final = (INTERRUPT_GATE, INTERRUPT_GATE_16)


class ShutdownReachedError(Exception):
    """A fault on the way of a double fault: the core shuts down."""


def makes_double_fault(first: int, second: int) -> bool:
    """Whether a fault met while another was delivered makes a double fault (table 8-3)."""
    if first == PAGE_FAULT:
        return second == PAGE_FAULT or second in _CONTRIBUTORY
    return first in _CONTRIBUTORY and second in _CONTRIBUTORY


def raise_fault(core: "Core", fault: CpuFault) -> None:
    """Deliver an exception, or what its delivery runs into.

    Raises:
        ShutdownReachedError: the last was a double fault.

    """
    state = core.state
    while True:
        if fault.vector == PAGE_FAULT:
            state.cr2 = fault.address
        elif fault.vector == DEBUG:
            debug_registers.enter_handler(core)
        try:
            deliver(core, fault.vector, fault.error)
        except CpuFault as second:
            if fault.vector == DOUBLE_FAULT:
                raise ShutdownReachedError from second
            if second.vector == PAGE_FAULT:
                state.cr2 = second.address
            if makes_double_fault(fault.vector, second.vector):
                second = CpuFault(DOUBLE_FAULT)
            fault = second
        else:
            return


def deliver(core: "Core", vector: int, error: int = 0, *, software: bool = False) -> None:
    """Go to the handler of a vector; ``software``: by INT n, INT3 or INTO, whose gates are checked.

    rip is the address to return to.

    Raises:
        CpuFault: the delivery ran into it; nothing was done.

    """
    if mode.is_real(core.state):
        _deliver_real(core, vector)
        return
    external = 0 if software else ERROR_EXTERNAL
    gate = _gate(core, vector, external, software=software)
    error_code = error if vector in WITH_ERROR_CODE and not software else None
    target = _target(core, gate, external)
    level = core.state.cpl if target.is_conforming else target.dpl
    try:
        stack = _stack_of(core, gate, level)
        _push_frame(core, gate, stack, level, error_code)
        segmentation.enter_code(core, target, level, gate.offset)
    except CpuFault as fault:
        if fault.vector != PAGE_FAULT:
            raise CpuFault(fault.vector, fault.error | external) from fault
        raise
    stack.commit()
    state = core.state
    state.rflags &= ~(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM)
    if gate.type in _INTERRUPT_GATES:
        state.rflags &= ~RFLAGS_IF
    mode.update(core)


def _deliver_real(core: "Core", vector: int) -> None:
    state = core.state
    if vector * 4 + 3 > state.idtr_limit:
        raise CpuFault(GENERAL_PROTECTION)
    entry = core.memory.read(state.idtr_base + vector * 4, 4, system=True)
    stack = Stack.current(core)
    for value in (state.rflags, state.cs_selector, mode.ip(state)):
        stack.push(value, 2)
    stack.commit()
    state.rflags &= ~(RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF)
    put_real(state, "cs", entry >> 16)
    mode.update(core)
    mode.set_ip(state, entry & 0xFFFF)


def _gate(core: "Core", vector: int, external: int, *, software: bool) -> Gate:
    state = core.state
    long = mode.is_long(state)
    size = 16 if long else 8
    name = vector * 8 | ERROR_IDT | external
    if vector * size + size - 1 > state.idtr_limit:
        raise CpuFault(GENERAL_PROTECTION, name)
    place = state.idtr_base + vector * size
    low = core.memory.read(place, 8, system=True)
    high = core.memory.read(place + 8, 8, system=True) if long else 0
    gate = descriptors.decode_gate(low, high)
    known = gate.type in _WIDE_GATES or (gate.type in _NARROW_GATES and not long)
    if not (gate.is_gate and known):
        raise CpuFault(GENERAL_PROTECTION, name)
    if software and gate.dpl < state.cpl:
        raise CpuFault(GENERAL_PROTECTION, name)
    if not gate.is_present:
        raise CpuFault(SEGMENT_NOT_PRESENT, name)
    return gate


def _target(core: "Core", gate: Gate, external: int) -> Descriptor:
    """The code segment of a gate, checked: a gate with a wrong selector faults here."""
    state = core.state
    if segmentation.is_null(gate.selector):
        raise CpuFault(GENERAL_PROTECTION, external)
    error = (gate.selector & ~SELECTOR_RPL) | external
    found = segmentation.find(core, gate.selector)
    if found is None or not found.is_code or found.dpl > state.cpl:
        raise CpuFault(GENERAL_PROTECTION, error)
    long_only = descriptors.ATTRIBUTE_LONG | descriptors.ATTRIBUTE_BIG
    if mode.is_long(state) and found.attributes & long_only != descriptors.ATTRIBUTE_LONG:
        raise CpuFault(GENERAL_PROTECTION, error)
    segmentation.check_code(core, found, external)
    return found


def _stack_of(core: "Core", gate: Gate, level: int) -> Stack:
    """The stack of the handler: IST, that of the inner level, or the current one."""
    state = core.state
    if mode.is_long(state):
        if gate.ist:
            top = inner_stack(core, TSS64_IST1 + 8 * (gate.ist - 1), level)
        elif level < state.cpl:
            top = inner_stack(core, None, level)
        else:
            top = Stack.current(core, wide=True)
        top.top &= ~15
        return top
    return inner_stack(core, None, level) if level < state.cpl else Stack.current(core)


def _push_frame(core: "Core", gate: Gate, stack: Stack, level: int, error: int | None) -> None:
    state = core.state
    long = mode.is_long(state)
    size = 8 if long else 4 if gate.type in _WIDE_GATES else 2
    if long or level < state.cpl:
        stack.push(state.ss_selector, size)
        stack.push(state.rsp, size)
    stack.push(state.rflags, size)
    stack.push(state.cs_selector, size)
    stack.push(mode.ip(state), size)
    if error is not None:
        stack.push(error, size)
    if long and level < state.cpl:
        stack.becomes = lambda: put_null(state, "ss", level)


def debug_trap(core: "Core", bits: int) -> None:
    """#DB after an instruction, with ``bits`` for DR6."""
    core.state.dr[6] |= bits
    raise_fault(core, CpuFault(DEBUG))
