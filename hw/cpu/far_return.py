"""Returns to other code segments, to the same or an outer privilege: far RET, IRET.

IRET of 64-bit code to 64-bit code is native where nothing is out of the ordinary
(hw.cpu.semantics.privilege); this is all of it.

Spec: AMD64 APM vol. 3, IRET, RET (far); vol. 2, 8.9.5 (IRET in long mode).
State: CpuState; descriptor tables and stacks in guest memory.
Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING

from hw.cpu import mode, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.far_transfer import enter_real
from hw.cpu.flags_load import load_flags
from hw.cpu.privilege_stack import Stack
from hw.cpu.segmentation import put, put_null
from hw.spec import descriptors
from hw.spec.descriptors import ATTRIBUTE_LONG, SELECTOR_RPL, Descriptor
from hw.spec.registers import RFLAGS_NT, RFLAGS_VM
from hw.spec.vectors import GENERAL_PROTECTION

if TYPE_CHECKING:
    from hw.cpu.core import Core


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
        enter_real(core, selector, offset)
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
        enter_real(core, selector, offset)
        stack.commit()
        load_flags(core, flags, size, 0, with_rf=size > 2)
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
    old_level = state.cpl
    segmentation.enter_code(core, code, level, offset)
    stack.commit()
    load_flags(core, flags, size, old_level, with_rf=True)
    state.nmi_masked = 0
    if outer:
        segmentation.drop_inner(core)


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
