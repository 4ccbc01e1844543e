"""Transfers to other code segments: far JMP and CALL, also through call gates.

Task switches by hardware are not there: a JMP or CALL to a TSS or task gate is #GP, as in long mode
everywhere.

Spec: AMD64 APM vol. 2, 4.11; vol. 3, CALL (far), JMP (far).
State: CpuState; descriptor tables and stacks in guest memory.
Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING

from hw.cpu import mode, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.privilege_stack import Stack, inner_stack
from hw.cpu.segmentation import put_null, put_real
from hw.spec import descriptors
from hw.spec.descriptors import (
    ATTRIBUTE_LONG,
    CALL_GATE,
    CALL_GATE_16,
    SELECTOR_RPL,
    Descriptor,
    Gate,
)
from hw.spec.vectors import GENERAL_PROTECTION, SEGMENT_NOT_PRESENT

if TYPE_CHECKING:
    from hw.cpu.core import Core


def jump(core: "Core", selector: int, offset: int) -> None:
    """Far JMP.

    Raises:
        CpuFault: #GP, #NP.

    """
    state = core.state
    if mode.is_real(state):
        enter_real(core, selector, offset)
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
        enter_real(core, selector, offset)
    else:
        segmentation.enter_code(core, found, state.cpl, offset)
    stack.commit()


def enter_real(core: "Core", selector: int, offset: int) -> None:
    """Go on at an address of real mode.

    Raises:
        CpuFault: #GP(0) if the offset is outside; nothing was done.

    """
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
