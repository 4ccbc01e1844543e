"""Descriptors of segments and gates, and where the task-state segment has its stacks.

    63    56 55 54 53 52 51  48 47 46 45 44 43  40 39          16 15          0
    +-------+--+--+--+--+------+--+-----+--+------+--------------+-------------+
    | base  | G| D| L|AV| limit| P| DPL | S| type | base 23..0   | limit 15..0 |
    +-------+--+--+--+--+------+--+-----+--+------+--------------+-------------+

``attributes`` are bits 40 to 55 without the limit: type, S, DPL, P in the low byte, G D L AVL on
top. A system descriptor of long mode has 8 bytes more: base 63..32.

Spec: AMD64 APM vol. 2, 4.7, 4.8, 12.2.
State: none. Context: any.
"""

from dataclasses import dataclass
from typing import Final

#: Type bits of a code or data segment (S set).
TYPE_ACCESSED: Final = 1 << 0
TYPE_WRITABLE: Final = 1 << 1  #: of a code segment: readable
TYPE_DOWN: Final = 1 << 2  #: data: expands down; code: conforming
TYPE_CODE: Final = 1 << 3

ATTRIBUTE_S: Final = 1 << 4  #: code or data; clear: system segment or gate
ATTRIBUTE_PRESENT: Final = 1 << 7
ATTRIBUTE_LONG: Final = 1 << 13
ATTRIBUTE_BIG: Final = 1 << 14  #: D of code, B of stacks
ATTRIBUTE_GRANULARITY: Final = 1 << 15

#: Attributes of a segment loaded in real mode: present, data, writable, accessed.
REAL_MODE: Final = 0x93

#: What SYSCALL, SYSENTER and their returns load without looking into a table.
FLAT_LIMIT: Final = 0xFFFF_FFFF
FLAT_CODE_64: Final = 0x209B
FLAT_CODE_32: Final = 0xC09B
FLAT_DATA: Final = 0xC093

#: Types of system descriptors.
LDT: Final = 2
TSS_16: Final = 1
TSS_16_BUSY: Final = 3
CALL_GATE_16: Final = 4
TASK_GATE: Final = 5
INTERRUPT_GATE_16: Final = 6
TRAP_GATE_16: Final = 7
TSS: Final = 9  #: 32 bits, or 64 in long mode
TSS_BUSY: Final = 11
CALL_GATE: Final = 12
INTERRUPT_GATE: Final = 14
TRAP_GATE: Final = 15
#: In the type of a TSS descriptor: in use.
TYPE_BUSY: Final = 2

#: Bits of a selector.
SELECTOR_RPL: Final = 3
SELECTOR_LDT: Final = 4
#: Bits of the error code that names a descriptor.
ERROR_EXTERNAL: Final = 1
ERROR_IDT: Final = 2

#: Offsets in a 64-bit TSS.
TSS64_RSP0: Final = 4
TSS64_IST1: Final = 36
#: Offsets in a 32-bit TSS: ESP0, then SS0; 8 bytes a level.
TSS32_ESP0: Final = 4
#: Offsets in a 16-bit TSS: SP0, then SS0; 4 bytes a level.
TSS16_SP0: Final = 2
#: Offset of the I/O map's own offset in 32-bit and 64-bit TSS.
TSS_IO_MAP: Final = 102


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A segment descriptor of a table, decoded."""

    selector: int
    base: int
    limit: int  #: in bytes, granularity applied
    attributes: int

    @property
    def type(self) -> int:
        """TYPE_* bits, or the number of a system descriptor."""
        return self.attributes & 0xF

    @property
    def dpl(self) -> int:
        """Descriptor privilege level."""
        return self.attributes >> 5 & 3

    @property
    def is_present(self) -> bool:
        """P."""
        return bool(self.attributes & ATTRIBUTE_PRESENT)

    @property
    def is_system(self) -> bool:
        """Neither code nor data."""
        return not self.attributes & ATTRIBUTE_S

    @property
    def is_code(self) -> bool:
        """A code segment."""
        return bool(self.attributes & ATTRIBUTE_S and self.attributes & TYPE_CODE)

    @property
    def is_conforming(self) -> bool:
        """A conforming code segment."""
        return self.is_code and bool(self.attributes & TYPE_DOWN)

    @property
    def is_readable(self) -> bool:
        """A data segment, or a code segment that may be read."""
        is_data = not self.is_system and not self.is_code
        return is_data or (self.is_code and bool(self.attributes & TYPE_WRITABLE))

    @property
    def is_writable(self) -> bool:
        """A data segment that may be written."""
        is_data = not self.is_system and not self.is_code
        return is_data and bool(self.attributes & TYPE_WRITABLE)


def decode(selector: int, low: int, high: int = 0) -> Descriptor:
    """Take the eight bytes of a segment descriptor apart; ``high`` are the next eight."""
    attributes = low >> 40 & 0xF0FF
    limit = (low & 0xFFFF) | (low >> 32 & 0xF_0000)
    if attributes & ATTRIBUTE_GRANULARITY:
        limit = limit << 12 | 0xFFF
    base = (low >> 16 & 0xFF_FFFF) | (low >> 56 & 0xFF) << 24 | (high & 0xFFFF_FFFF) << 32
    return Descriptor(selector, base, limit, attributes)


@dataclass(frozen=True, slots=True)
class Gate:
    """A call, interrupt, trap or task gate."""

    selector: int
    offset: int
    type: int
    dpl: int
    is_present: bool
    parameters: int  #: words that a call gate copies
    ist: int
    is_gate: bool  #: S is clear


def decode_gate(low: int, high: int = 0) -> Gate:
    """Take a gate apart; ``high`` are the second eight bytes of a long-mode one."""
    offset = (low & 0xFFFF) | (low >> 32 & 0xFFFF_0000) | (high & 0xFFFF_FFFF) << 32
    attributes = low >> 40 & 0xFF
    return Gate(
        selector=low >> 16 & 0xFFFF,
        offset=offset,
        type=attributes & 0xF,
        dpl=attributes >> 5 & 3,
        is_present=bool(attributes & ATTRIBUTE_PRESENT),
        parameters=low >> 32 & 0x1F,
        ist=low >> 32 & 7,
        is_gate=not attributes & ATTRIBUTE_S,
    )
