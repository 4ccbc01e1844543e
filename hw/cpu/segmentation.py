"""Segment registers: descriptors from the tables, the checks of each load, what is kept.

A load reads the descriptor, checks it, and copies it to CpuState (selector, attributes, limit,
base). In real mode a load sets selector and base only. Long mode keeps base and limit of ES, CS, SS
and DS without using them.

Spec: AMD64 APM vol. 2, 4.5 to 4.10; error codes: 8.4.1.
State: CpuState; descriptor tables in guest memory. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw.cpu import mode
from hw.cpu.exits import CpuFault
from hw.cpu.state import SEGMENT_NAMES, CpuState
from hw.spec import descriptors
from hw.spec.address import is_canonical
from hw.spec.descriptors import (
    REAL_MODE,
    SELECTOR_LDT,
    SELECTOR_RPL,
    TYPE_ACCESSED,
    TYPE_BUSY,
    Descriptor,
)
from hw.spec.vectors import GENERAL_PROTECTION, SEGMENT_NOT_PRESENT, STACK

if TYPE_CHECKING:
    from hw.cpu.core import Core

ES: Final = 0
CS: Final = 1
SS: Final = 2
DS: Final = 3
FS: Final = 4
GS: Final = 5


def put(state: CpuState, name: str, descriptor: Descriptor) -> None:
    """Keep a descriptor in a segment register, by name: es, cs, ..., ldtr, tr."""
    setattr(state, f"{name}_selector", descriptor.selector)
    setattr(state, f"{name}_attributes", descriptor.attributes)
    setattr(state, f"{name}_limit", descriptor.limit)
    setattr(state, f"{name}_base", descriptor.base)


def put_null(state: CpuState, name: str, selector: int) -> None:
    """Make a segment register unusable; FS and GS lose their base, as on AMD they need not."""
    put(state, name, Descriptor(selector, 0, 0, 0))


def put_real(state: CpuState, name: str, selector: int) -> None:
    """Load a segment register in real mode: limit and attributes stay as they are."""
    setattr(state, f"{name}_selector", selector)
    setattr(state, f"{name}_base", selector << 4)
    if not getattr(state, f"{name}_attributes"):
        setattr(state, f"{name}_attributes", REAL_MODE)
        setattr(state, f"{name}_limit", 0xFFFF)


def is_null(selector: int) -> bool:
    """Whether a selector names no descriptor."""
    return selector & ~SELECTOR_RPL == 0


def _address(core: "Core", selector: int, size: int) -> int | None:
    """Linear address of a descriptor; None if it is outside its table."""
    state = core.state
    if selector & SELECTOR_LDT:
        if not state.ldtr_attributes:
            return None
        base, limit = state.ldtr_base, state.ldtr_limit
    else:
        base, limit = state.gdtr_base, state.gdtr_limit
    offset = selector & ~7
    return None if offset + size - 1 > limit else base + offset


def find(core: "Core", selector: int) -> Descriptor | None:
    """The descriptor that a selector names, or None if there is none. #PF may be raised."""
    place = _address(core, selector, 8)
    if place is None or is_null(selector):
        return None
    low = core.memory.read(place, 8, system=True)
    descriptor = descriptors.decode(selector, low)
    if not (descriptor.is_system and mode.is_long(core.state)):
        return descriptor
    if _address(core, selector, 16) is None:
        return None
    return descriptors.decode(selector, low, core.memory.read(place + 8, 8, system=True))


def find_gate(core: "Core", selector: int) -> tuple[int, int]:
    """The 8 bytes of a descriptor, and the next 8 in long mode (0 else); it was found before."""
    place = _address(core, selector, 8)
    assert place is not None
    low = core.memory.read(place, 8, system=True)
    high = core.memory.read(place + 8, 8, system=True) if mode.is_long(core.state) else 0
    return low, high


def get(core: "Core", selector: int, vector: int = GENERAL_PROTECTION) -> Descriptor:
    """The descriptor of a selector.

    Raises:
        CpuFault: ``vector`` with the selector if there is none.

    """
    found = find(core, selector)
    if found is None:
        raise CpuFault(vector, selector & ~SELECTOR_RPL)
    return found


def mark(core: "Core", descriptor: Descriptor, bit: int = TYPE_ACCESSED) -> Descriptor:
    """Set the accessed bit (or TYPE_BUSY) of a descriptor in its table."""
    place = _address(core, descriptor.selector, 8)
    assert place is not None
    if not descriptor.attributes & bit:
        kind = core.memory.read(place + 5, 1, system=True)
        core.memory.write(place + 5, 1, kind | bit, system=True)
    return Descriptor(
        descriptor.selector, descriptor.base, descriptor.limit, descriptor.attributes | bit
    )


def load(core: "Core", number: int, selector: int) -> None:
    """Load ES, SS, DS, FS or GS by MOV, POP or LDS and its kin.

    Raises:
        CpuFault: #GP, #NP, #SS with the selector.

    """
    state = core.state
    name = SEGMENT_NAMES[number]
    if mode.is_real(state):
        put_real(state, name, selector)
        return
    if is_null(selector):
        if number == SS and not (mode.is_64(state) and state.cpl < 3):
            raise CpuFault(GENERAL_PROTECTION)
        if number == SS and selector & SELECTOR_RPL != state.cpl:
            raise CpuFault(GENERAL_PROTECTION)
        put_null(state, name, selector)
    else:
        found = get(core, selector)
        if number == SS:
            check_stack(found, selector & SELECTOR_RPL, state.cpl)
        else:
            _check_data(found, selector & SELECTOR_RPL, state.cpl)
        put(state, name, mark(core, found))
    if number == SS:
        mode.update(core)


def check_stack(found: Descriptor, rpl: int, level: int, vector: int = GENERAL_PROTECTION) -> None:
    """Check what is to become the stack of a privilege level.

    Raises:
        CpuFault: ``vector`` (#GP, #TS), #SS if it is not present.

    """
    error = found.selector & ~SELECTOR_RPL
    if rpl != level or found.dpl != level or not found.is_writable:
        raise CpuFault(vector, error)
    if not found.is_present:
        raise CpuFault(STACK, error)


def _check_data(found: Descriptor, rpl: int, level: int) -> None:
    error = found.selector & ~SELECTOR_RPL
    if found.is_system or not found.is_readable:
        raise CpuFault(GENERAL_PROTECTION, error)
    if not found.is_conforming and max(rpl, level) > found.dpl:
        raise CpuFault(GENERAL_PROTECTION, error)
    if not found.is_present:
        raise CpuFault(SEGMENT_NOT_PRESENT, error)


def check_code(core: "Core", found: Descriptor, extra: int = 0) -> None:
    """Check that a code segment is present and of one mode.

    Raises:
        CpuFault: #GP, #NP.

    """
    error = (found.selector & ~SELECTOR_RPL) | extra
    both = descriptors.ATTRIBUTE_LONG | descriptors.ATTRIBUTE_BIG
    if mode.is_long(core.state) and found.attributes & both == both:
        raise CpuFault(GENERAL_PROTECTION, error)
    if not found.is_present:
        raise CpuFault(SEGMENT_NOT_PRESENT, error)


def enter_code(core: "Core", found: Descriptor, level: int, offset: int) -> None:
    """Make a checked code segment the current one, at a privilege level, and go on in it.

    Raises:
        CpuFault: #GP(0) if the offset is outside; nothing was done.

    """
    state = core.state
    long = mode.is_long(state) and bool(found.attributes & descriptors.ATTRIBUTE_LONG)
    if (long and not is_canonical(offset)) or (not long and offset > found.limit):
        raise CpuFault(GENERAL_PROTECTION)
    found = mark(core, found)
    put(state, "cs", found)
    state.cs_selector = (found.selector & ~SELECTOR_RPL) | level
    mode.set_cpl(core, level)
    mode.set_ip(state, offset)


def drop_inner(core: "Core") -> None:
    """Make data segments of inner privilege unusable, on a return to an outer level."""
    state = core.state
    for name in ("es", "ds", "fs", "gs"):
        attributes = getattr(state, f"{name}_attributes")
        found = Descriptor(0, 0, 0, attributes)
        if attributes and not found.is_conforming and found.dpl < state.cpl:
            put_null(state, name, 0)


def load_ldtr(core: "Core", selector: int) -> None:
    """LLDT.

    Raises:
        CpuFault: #GP, #NP.

    """
    if is_null(selector):
        put_null(core.state, "ldtr", selector)
        return
    error = selector & ~SELECTOR_RPL
    found = None if selector & SELECTOR_LDT else find(core, selector)
    if found is None or not found.is_system or found.type != descriptors.LDT:
        raise CpuFault(GENERAL_PROTECTION, error)
    if not found.is_present:
        raise CpuFault(SEGMENT_NOT_PRESENT, error)
    if not is_canonical(found.base):
        raise CpuFault(GENERAL_PROTECTION, error)
    put(core.state, "ldtr", found)


def load_tr(core: "Core", selector: int) -> None:
    """LTR: an available TSS becomes busy.

    Raises:
        CpuFault: #GP, #NP.

    """
    error = selector & ~SELECTOR_RPL
    found = None if selector & SELECTOR_LDT or is_null(selector) else find(core, selector)
    kinds = (descriptors.TSS,) if mode.is_long(core.state) else (
        descriptors.TSS_16, descriptors.TSS,
    )  # fmt: skip
    if found is None or not found.is_system or found.type not in kinds:
        raise CpuFault(GENERAL_PROTECTION, error)
    if not found.is_present:
        raise CpuFault(SEGMENT_NOT_PRESENT, error)
    if not is_canonical(found.base):
        raise CpuFault(GENERAL_PROTECTION, error)
    put(core.state, "tr", mark(core, found, TYPE_BUSY))
