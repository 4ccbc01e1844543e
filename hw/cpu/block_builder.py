"""A block under construction: micro-ops, what they do to flags, how the block ends.

Why flags matter here: an instruction whose status flags are overwritten before anybody can see
them is given a handler that does not write them. Whoever can fault can show flags, so memory
accesses count as readers; that keeps the state exact at every fault.

State: none shared. Context: Python, while decoding.
"""

import struct
from functools import cache
from itertools import chain
from typing import Final

from hw.cpu.micro_op import PACKED, PACKED_LINKS, PLACE_BITS
from hw.cpu.pairs import fuse_pairs
from hw.cpu.state import MODE_CODE_32, MODE_FLAGS, MODE_LEGACY
from hw.cpu.threaded import numbers

#: Effects of a micro-op on the status flags.
NONE: Final = 0
WRITES: Final = 1  #: all of them, none read
PARTIAL: Final = 2  #: some, or only sometimes
BARRIER: Final = 4  #: reads them, or may fault
COMPARE: Final = 8  #: leaves flag_a and flag_b of a comparison
LOGIC: Final = 16  #: as COMPARE, with flag_b 0

#: Operand offset of the register that is always zero, and of the computed address.
ZERO: Final = 16 * 8
ADDRESS: Final = 17 * 8

_MASK64: Final = (1 << 64) - 1
PLACE_MASK: Final = (1 << PLACE_BITS) - 1


@cache
def _packed(count: int) -> struct.Struct:
    """Format of a block of ``count`` micro-ops."""
    plain = PACKED.format.lstrip("<")
    return struct.Struct("<" + plain * count + PACKED_LINKS.format.lstrip("<"))


def bits_of(mode: int) -> int:
    """Width in which code is decoded: 64, 32 or 16."""
    if not mode & MODE_LEGACY:
        return 64
    return 32 if mode & MODE_CODE_32 else 16


class BlockBuilder:
    """Collects micro-ops in order; ``finish`` returns their bytes."""

    __slots__ = (
        "after", "code_base", "compare", "ended", "fuse", "mode", "next_rip", "number", "ops",
        "page", "place", "position", "rip", "single_page", "targets", "unseen",
    )  # fmt: skip

    def __init__(self, rip: int, mode: int = 0) -> None:
        self.number = numbers()
        self.mode = mode & MODE_FLAGS
        self.code_base = mode >> 32  #: 0 in 64-bit mode
        self.rip = rip  #: of the instruction being built
        self.next_rip = rip
        self.page = rip >> 12
        self.position = 0  #: instructions built before this one
        self.place = 0
        self.ops: list[tuple[int, ...]] = []
        #: Micro-ops whose flags nobody has seen yet, and the handlers to take if nobody will.
        self.unseen: list[tuple[int, int]] = []
        self.compare = NONE  #: COMPARE or LOGIC if the last flags of the block are of that kind
        self.fuse = ""  #: name of the comparison that the next jump can fuse with
        self.after = ""
        self.ended = False
        self.single_page = True
        self.targets = (0, 0)

    def begin_checked(self) -> None:
        """Outside 64-bit mode, let the block begin with a check of the code segment's limit."""
        if self.mode & MODE_LEGACY:
            self.place = self.rip & PLACE_MASK
            self.emit(self.number["code_limit"], BARRIER)

    def emit(  # noqa: PLR0913
        self,
        number: int,
        effect: int,
        *,
        without_flags: int = -1,
        a: int = 0,
        b: int = ZERO,
        base: int = ZERO,
        index: int = ZERO,
        scale: int = 0,
        imm: int = 0,
        disp: int = 0,
    ) -> None:  # fmt: skip
        """Add a micro-op; ``without_flags`` is the handler to take where nobody sees its flags."""
        ops, unseen = self.ops, self.unseen
        if unseen and effect & (BARRIER | WRITES):
            if not effect & BARRIER:
                for at, handler in unseen:
                    ops[at] = (handler, *ops[at][1:])
            unseen.clear()
        if effect & (WRITES | PARTIAL):
            self.compare = effect & (COMPARE | LOGIC)
            if without_flags >= 0:
                unseen.append((len(ops), without_flags))
        ops.append((number, a, b, base, index, scale, 0, imm, disp, self.place))

    def end(self, number: int, target: int = 0, other: int = 0) -> None:
        """Make the last micro-op the block's ender ``number`` with its two targets."""
        self.ops[-1] = (number, *self.ops[-1][1:])
        self.targets = (target, other)
        self.ended = True

    def linear(self, target: int) -> int:
        """Linear address of a near transfer's target."""
        if self.mode & MODE_LEGACY:
            return (self.code_base + target) & 0xFFFF_FFFF
        return target

    def stays(self, *targets: int) -> bool:
        """Whether all targets can be linked: they lie in the block's page."""
        return self.single_page and all(target >> 12 == self.page for target in targets)

    def fall_through(self, target: int, *, far: bool = False) -> None:
        """End the block by going on at ``target``; no instruction is counted for it.

        STI does not come last: interrupts are taken between blocks, but not right after it.
        """
        if self.ops and self.ops[-1][0] == self.number["sti"]:
            self.end(self.number["system"])
            return
        self.place = (self.rip & PLACE_MASK) | ((self.position - 1) << PLACE_BITS)
        name = "jmp" if self.stays(target) and not far else "jmp_far"
        self.emit(self.number[name], BARRIER)
        self.end(self.number[name], target)

    def finish(self) -> bytes:
        """The micro-ops' bytes."""
        assert self.ended
        ops = self.ops
        if self.mode & MODE_LEGACY:
            last = (self.next_rip - 1 - self.code_base) & 0xFFFF_FFFF
            ops[0] = (*ops[0][:7], last, *ops[0][8:])
        fuse_pairs(ops)
        target, other = self.targets
        words = chain.from_iterable(ops)
        return _packed(len(ops)).pack(*words, 0, target & _MASK64, 0, other & _MASK64)
