"""The micro-op: what a decoded instruction is in the code cache, and what a handler reads.

    0        2   3   4     5      6      7     8     16      24
    +--------+---+---+-----+------+------+-----+-----+-------+---------------+
    |handler | a | b |base |index |scale |spare| imm | disp  | rip 48, pos 16|
    +--------+---+---+-----+------+------+-----+-----+-------+---------------+
    | link 0 (host address or 0) | target 0 | link 1   | target 1            |  enders only
    +----------------------------+----------+----------+---------------------+

``a``, ``b``, ``base`` and ``index`` are byte offsets into CpuState. The handler is a number, so
that decoded code is the same for all processes. ``pos`` is the instruction's place in its block:
how many instructions ran before it. The last micro-op of a block is an ender and has two links; a
link is filled in when it is first followed and stays inside a page.

State: the code cache, in board memory. Locks: none; links are single aligned stores. Context: any.
"""

import struct
from typing import Final

from hw.spec.layout import Layout, layout, u8, u16, u64

#: Bytes of a plain micro-op, and what the second half of an ender adds.
SLOT: Final = 32


@layout(size=2 * SLOT)
class MicroOp(Layout):
    """A micro-op; the second half exists in enders only."""

    handler: u16
    a: u8
    b: u8
    base: u8
    index: u8
    scale: u8
    spare: u8
    imm: u64
    disp: u64
    place: u64
    link_0: u64
    target_0: u64
    link_1: u64
    target_1: u64


#: Fields that do not change while code runs.
INVARIANT: Final = frozenset(
    ("handler", "a", "b", "base", "index", "scale", "imm", "disp", "place", "target_0", "target_1")
)
PLACE_BITS: Final = 48
#: struct format of the first half.
PACKED: Final = struct.Struct("<HBBBBBBQQQ")
PACKED_LINKS: Final = struct.Struct("<QQQQ")


def handler_numbers(block: bytes) -> set[int]:
    """Numbers of the handlers of a block's micro-ops; its links, the last half, are left out."""
    return {
        int.from_bytes(block[at : at + 2], "little") for at in range(0, len(block) - SLOT, SLOT)
    }
