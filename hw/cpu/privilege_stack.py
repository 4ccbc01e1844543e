"""The stack that an instruction or a delivery pushes to, perhaps that of an inner level.

Pushes go to memory at once, registers change only by ``commit``: a fault in between leaves them as
they were. What was written below the old stack pointer does not count.

Spec: AMD64 APM vol. 2, 4.7.5 (expand-down stacks), 8.7.3, 8.9.3, 12.2.
State: CpuState; stacks and TSS in guest memory. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final, Self

from hw.cpu import mode, segmentation
from hw.cpu.exits import CpuFault
from hw.spec import descriptors
from hw.spec.address import is_canonical
from hw.spec.descriptors import (
    ATTRIBUTE_BIG,
    SELECTOR_RPL,
    TSS16_SP0,
    TSS32_ESP0,
    TSS64_RSP0,
    TYPE_DOWN,
    Descriptor,
)
from hw.spec.vectors import INVALID_TSS, STACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.cpu.core import Core

_MASK64: Final = (1 << 64) - 1


class Stack:
    """A stack pointer on its way."""

    __slots__ = ("_bits", "_core", "_segment", "_system", "becomes", "top")

    def __init__(
        self, core: "Core", segment: Descriptor, top: int, bits: int, *, system: bool = False
    ) -> None:
        self._core = core
        self._segment = segment
        self._bits = bits
        self._system = system  #: accesses are the supervisor's
        self.top = top & (1 << bits) - 1
        self.becomes: Callable[[], None] | None = None  #: what loads SS at ``commit``

    @classmethod
    def current(cls, core: "Core", *, wide: bool = False) -> Self:
        """The stack in use; ``wide`` as long mode's deliveries use it, without a segment."""
        state = core.state
        segment = Descriptor(state.ss_selector, state.ss_base, state.ss_limit, state.ss_attributes)
        return cls(core, segment, state.rsp, 64 if wide else mode.stack_bits(state))

    def _linear(self, size: int) -> int:
        """Linear address of the ``size`` bytes at the top.

        Raises:
            CpuFault: #SS(0).

        """
        top = self.top
        if self._bits == 64:
            if not (is_canonical(top) and is_canonical((top + size - 1) & _MASK64)):
                raise CpuFault(STACK)
            return top
        segment, last = self._segment, top + size - 1
        if not segment.attributes:
            raise CpuFault(STACK)
        if segment.attributes & TYPE_DOWN and not segment.is_code:
            highest = 0xFFFF_FFFF if segment.attributes & ATTRIBUTE_BIG else 0xFFFF
            fits = top > segment.limit and last <= highest
        else:
            fits = last <= segment.limit
        if not fits:
            raise CpuFault(STACK)
        return (segment.base + top) & 0xFFFF_FFFF

    def push(self, value: int, size: int) -> None:
        """Store below the top.

        Raises:
            CpuFault: #SS, #PF.

        """
        old = self.top
        self.top = (self.top - size) & (1 << self._bits) - 1
        try:
            self._core.memory.write(self._linear(size), size, value, system=self._system)
        except CpuFault:
            self.top = old
            raise

    def pop(self, size: int) -> int:
        """Take from the top.

        Raises:
            CpuFault: #SS, #PF.

        """
        value = self._core.memory.read(self._linear(size), size, system=self._system)
        self.top = (self.top + size) & (1 << self._bits) - 1
        return value

    def drop(self, size: int) -> None:
        """Move the top without looking."""
        self.top = (self.top + size) & (1 << self._bits) - 1

    def commit(self) -> None:
        """Make this the stack in use."""
        state = self._core.state
        if self.becomes is not None:
            self.becomes()
            mode.update(self._core)
        if self._bits == 16:
            state.rsp = (state.rsp & ~0xFFFF) | self.top
        else:
            state.rsp = self.top


def _from_tss(core: "Core", offset: int, size: int) -> int:
    state = core.state
    if not state.tr_attributes or offset + size - 1 > state.tr_limit:
        raise CpuFault(INVALID_TSS, state.tr_selector & ~SELECTOR_RPL)
    return core.memory.read(state.tr_base + offset, size, system=True)


def inner_stack(core: "Core", offset: int | None, level: int) -> Stack:
    """The stack of a privilege level from the TSS; ``offset``: that of an IST entry.

    Raises:
        CpuFault: #TS, #SS, #PF.

    """
    state = core.state
    system = level < 3
    if mode.is_long(state):
        top = _from_tss(core, TSS64_RSP0 + 8 * level if offset is None else offset, 8)
        if not is_canonical(top):
            raise CpuFault(STACK)
        return Stack(core, Descriptor(level, 0, 0, 0), top, 64, system=system)
    if state.tr_attributes & 0xF in (descriptors.TSS_16, descriptors.TSS_16_BUSY):
        top = _from_tss(core, TSS16_SP0 + 4 * level, 2)
        selector = _from_tss(core, TSS16_SP0 + 4 * level + 2, 2)
    else:
        top = _from_tss(core, TSS32_ESP0 + 8 * level, 4)
        selector = _from_tss(core, TSS32_ESP0 + 8 * level + 4, 2)
    if segmentation.is_null(selector):
        raise CpuFault(INVALID_TSS, selector & ~SELECTOR_RPL)
    found = segmentation.get(core, selector, INVALID_TSS)
    segmentation.check_stack(found, selector & SELECTOR_RPL, level, INVALID_TSS)
    bits = 32 if found.attributes & ATTRIBUTE_BIG else 16
    stack = Stack(core, found, top, bits, system=system)
    stack.becomes = lambda: segmentation.put(state, "ss", segmentation.mark(core, found))
    return stack
