"""Which blocks make up a region: those that ran after one another, nearest to the hot one first.

Inside a page the links of threaded code tell where control went; across pages, at returns and at
indirect jumps the jump cache of the core does. What never ran has no link, so a region holds paths
that are taken and nothing else; on leaving it threaded code goes on.

State: reads the code cache and a core's jump cache while they change: an entry is believed only if
the block that it names says the same. Context: the compiler's process.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Final

from hw.cpu.code_cache import Block, block_at, micro_ops_at, version_of
from hw.cpu.micro_op import PACKED, PACKED_LINKS, SLOT
from hw.cpu.regions.code_memory import Page, record_at
from hw.cpu.regions.record import MAX_PAGES
from hw.cpu.semantics import (
    alu,
    bit,
    bmi,
    branch,
    checksum,
    locked,
    move,
    muldiv,
    shift,
    sse,
    sse4,
    sse_float,
    sse_integer,
    stack,
    string,
    string_compare,
    system,
)
from hw.cpu.semantics.handler import Handler
from hw.cpu.state import MODE_FLAGS, jump_cache
from hw.cpu.threaded import handler_list, numbers

#: Families whose instructions a region holds; at others it is left.
FAMILIES: Final[tuple[ModuleType, ...]] = (
    move, alu, shift, muldiv, bit, stack, branch, string, locked, sse, sse_integer, sse_float,
    sse4, string_compare, bmi, checksum,
)  # fmt: skip
#: Handlers of FAMILIES that end a run by themselves or touch the host's own state.
_EXCLUDED: Final = (stack.popf, sse.ldmxcsr, sse.stmxcsr, sse4.mask_move)
#: Handlers of other families that a region holds.
_ALSO: Final = (system.nop, system.fence)
_INSIDE: Final = frozenset(family.__name__ for family in FAMILIES)
MAX_BLOCKS: Final = 40
MAX_OPS: Final = 260
#: Blocks that an indirect jump may lead to inside a region.
MAX_TARGETS: Final = 24
_CALLS: Final = (branch.call, branch.call_indirect)
_INDIRECT: Final = (branch.jmp_indirect, branch.call_indirect)


@dataclass(frozen=True, slots=True)
class KnownOp:
    """A micro-op whose fields the compiler knows; named as in MicroOp."""

    at: int  #: host address
    number: int  #: of its handler
    a: int
    b: int
    base: int
    index: int
    scale: int
    imm: int
    disp: int
    place: int
    link_0: int = 0
    target_0: int = 0
    link_1: int = 0
    target_1: int = 0

    @property
    def handler(self) -> Handler:
        """Its handler."""
        return handler_list()[self.number]


def is_inside(op: KnownOp) -> bool:
    """Whether a micro-op can be part of a region."""
    form = op.handler.form
    return (form.__module__ in _INSIDE and form not in _EXCLUDED) or form in _ALSO


@dataclass(slots=True)
class KnownBlock:
    """A block as it is compiled."""

    at: int  #: host address of its first micro-op
    header: Block
    ops: list[KnownOp]
    index: int = 0  #: its place in the region

    @property
    def ender(self) -> KnownOp:
        """The last micro-op."""
        return self.ops[-1]

    @property
    def is_whole(self) -> bool:
        """Whether a region that enters it comes to its end."""
        return all(is_inside(op) for op in self.ops)


@dataclass(slots=True)
class Shape:
    """The blocks of a region, the first first, and what they were found by."""

    blocks: list[KnownBlock]
    by_address: dict[int, KnownBlock] = field(default_factory=dict)
    by_rip: dict[int, KnownBlock] = field(default_factory=dict)
    returns: list[KnownBlock] = field(default_factory=list)  #: where calls inside return to
    targets: list[KnownBlock] = field(default_factory=list)  #: where indirect jumps go
    has_loop: bool = False  #: else entering and leaving it costs more than it saves

    def pages(self) -> list[Page]:
        """Pages besides that of the first block."""
        home = self.blocks[0].header.rip & ~0xFFF
        pages = {(b.header.rip & ~0xFFF, b.header.frame, b.header.version) for b in self.blocks}
        return [page for page in sorted(pages) if page[0] != home]


def read_block(at: int) -> KnownBlock | None:
    """A block of the code cache; None if it is stale, of two pages or of a mode but the usual."""
    header = block_at(at)
    is_plain = not header.second_frame and not header.frame & MODE_FLAGS
    if not is_plain or header.version != version_of(header.frame):
        return None
    data = micro_ops_at(at)
    count = (len(data) - SLOT) // SLOT
    links = PACKED_LINKS.unpack_from(data, count * SLOT)
    ops = []
    for k in range(count):
        number, a, b, base, index, scale, _, *words = PACKED.unpack_from(data, k * SLOT)
        if k == 0 and number == numbers()["region"]:
            number = record_at(header.region).handler
        tail = links if k == count - 1 else ()
        ops.append(KnownOp(at + k * SLOT, number, a, b, base, index, scale, *words, *tail))
    return KnownBlock(at, header, ops)


class Formation:
    """Looks for the blocks of one region."""

    def __init__(self, core: int) -> None:
        self._jumps = jump_cache(core)

    def shape(self, first: KnownBlock) -> Shape:
        """The region that begins at a block."""
        found = Shape([first])
        found.by_address[first.at] = found.by_rip[first.header.rip] = first
        waiting = [first]
        ops = len(first.ops)
        while waiting:
            for kind, place in self._successors(waiting.pop(0)):
                block = found.by_address.get(place)
                if block is None:
                    block = self._block(place)
                    if block is None or not self._fits(found, block, ops):
                        continue
                    ops += len(block.ops)
                    found.by_address[place] = found.by_rip[block.header.rip] = block
                    found.blocks.append(block)
                    waiting.append(block)
                known = {"return": found.returns, "target": found.targets}.get(kind)
                if known is not None and block not in known:
                    known.append(block)
        _order(found)
        return found

    def _block(self, place: int) -> KnownBlock | None:
        return read_block(place) if place else None

    def _fits(self, found: Shape, block: KnownBlock, ops: int) -> bool:
        if len(found.blocks) == MAX_BLOCKS or ops + len(block.ops) > MAX_OPS:
            return False
        if block.header.rip in found.by_rip:
            return False
        header = block.header
        pages = {(b.header.rip & ~0xFFF): b.header for b in found.blocks}
        known = pages.get(header.rip & ~0xFFF)
        if known is None:
            return len(pages) <= MAX_PAGES
        return (known.frame, known.version) == (header.frame, header.version)

    def _jump(self, rip: int) -> int:
        """Block at a guest address by the jump cache; 0 if it is not there."""
        place = self._jumps.get(rip, 0)
        if place and block_at(place).rip == rip:
            return place
        return 0

    def _successors(self, block: KnownBlock) -> Iterator[tuple[str, int]]:
        """How control left a block inside a region, and the blocks it went to."""
        if not block.is_whole:
            return
        ender = block.ender
        form = ender.handler.form
        for link, target in ((ender.link_0, ender.target_0), (ender.link_1, ender.target_1)):
            if link:
                yield "link", link
            elif target:
                yield "link", self._jump(target)
        if form in _CALLS:
            yield "return", self._jump(ender.imm)
        if form in _INDIRECT:
            page = block.header.rip & ~0xFFF
            near = [(rip, at) for rip, at in self._jumps.items() if rip & ~0xFFF == page]
            for rip, _ in sorted(near)[:MAX_TARGETS]:
                yield "target", self._jump(rip)


def _order(found: Shape) -> None:
    """Put blocks after their predecessors where that is possible (reverse postorder)."""
    seen: set[int] = set()
    order: list[KnownBlock] = []

    def successors(block: KnownBlock) -> list[KnownBlock]:
        if not block.is_whole:
            return []
        ender = block.ender
        following = [found.by_address.get(ender.link_0) or found.by_rip.get(ender.target_0)]
        following.append(found.by_address.get(ender.link_1) or found.by_rip.get(ender.target_1))
        form = ender.handler.form
        if form in _INDIRECT:
            following += found.targets
        if form is branch.ret:
            following += found.returns
        return [b for b in following if b is not None]

    stack = [(found.blocks[0], iter(successors(found.blocks[0])))]
    seen.add(found.blocks[0].at)
    while stack:
        block, rest = stack[-1]
        following = next((b for b in rest if b.at not in seen), None)
        if following is None:
            order.append(block)
            stack.pop()
        else:
            seen.add(following.at)
            stack.append((following, iter(successors(following))))
    found.blocks = order[::-1]
    kept = {block.at for block in found.blocks}
    found.by_address = {at: b for at, b in found.by_address.items() if at in kept}
    found.by_rip = {b.header.rip: b for b in found.blocks}
    found.returns = [b for b in found.returns if b.at in kept]
    found.targets = [b for b in found.targets if b.at in kept]
    for index, block in enumerate(found.blocks):
        block.index = index
    found.has_loop = any(
        following.index <= block.index for block in found.blocks for following in successors(block)
    )
