"""Races on data: two accesses to a word, one a write, that nothing orders, whenever they happened.

Order comes from atomics alone: a store releases what its core has done, a load acquires what the
store that it may have seen released, a read-modify-write does both. Locks, wakeups and interrupts
are made of atomics, so their order follows. What a layout declares ``atomic`` cannot race; all
other fields can, ``fixed`` and ``this_cpu`` included: they claim an order, and here it must show.

State: private to one run. Context: mpkernel.tools.explore.
"""

import sys
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Final

from hw.spec.watch import ATOMIC, COMPARE, UPDATE, WRITE
from mpkernel.tools.explore.finding import RACE, Failure
from mpkernel.tools.explore.vector_clock import Clock, join

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Baton, Strand
    from mpkernel.tools.explore.names import Names

#: Frames of a stack that are kept, and those of the watch itself that are not.
_DEPTH: Final = 8
_HIDDEN: Final = ("hw/spec/watch.py", "tools/explore/", "hw/atomics.py")

Stack = tuple[tuple[CodeType, int], ...]
#: Who, when (its own clock), from where.
Access = tuple[int, int, Stack]


class RaceCheck:
    """Watches one run."""

    def __init__(self, baton: "Baton", names: "Names") -> None:
        self._baton = baton
        self._names = names
        count = len(baton.strands)
        self._clocks: list[Clock] = [[0] * count for _ in range(count)]
        for index, clock in enumerate(self._clocks):
            clock[index] = 1
        self._released: dict[int, Clock] = {}
        self._writes: dict[int, Access] = {}
        self._reads: dict[int, dict[int, Access]] = {}

    def look(self, strand: "Strand", address: int, kind: int) -> None:
        """An access is about to be made."""
        if kind & ATOMIC:
            self._synchronize(strand.index, address, kind)
        else:
            self._touch(strand, address, writes=bool(kind & WRITE))

    def _synchronize(self, index: int, address: int, kind: int) -> None:
        clock = self._clocks[index]
        released = self._released.get(address)
        if released is not None and (kind & (UPDATE | COMPARE) or not kind & WRITE):
            join(clock, released)
        if kind & (WRITE | COMPARE):
            self._released[address] = clock.copy()
            clock[index] += 1

    def _touch(self, strand: "Strand", address: int, *, writes: bool) -> None:
        index = strand.index
        clock = self._clocks[index]
        this = (index, clock[index], _stack())
        write = self._writes.get(address)
        if write is not None and write[0] != index and write[1] > clock[write[0]]:
            self._report(address, write, "writes", this, "writes" if writes else "reads")
        reads = self._reads.setdefault(address, {})
        if writes:
            for read in reads.values():
                if read[0] != index and read[1] > clock[read[0]]:
                    self._report(address, read, "reads", this, "writes")
            self._writes[address] = this
            reads.clear()
        else:
            reads[index] = this

    def _report(self, address: int, one: Access, verb: str, other: Access, other_verb: str) -> None:
        names = [strand.name for strand in self._baton.strands]
        what = self._names.name(address)
        first, second = names[one[0]], names[other[0]]
        detail = (
            f"\n{first} {verb} {what}:\n{_lines(one[2])}\n"
            f"{second} {other_verb} {what}:\n{_lines(other[2])}\n"
        )
        text = f"{first} {verb} {what}, {second} {other_verb} it, and nothing orders them"
        self._baton.fail(Failure(RACE, f"{first} {second}", text, detail))


def _stack() -> Stack:
    frame = sys._getframe(3)  # noqa: SLF001  the only way to the caller's stack
    found: list[tuple[CodeType, int]] = []
    while frame is not None and len(found) < _DEPTH:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)


def _lines(stack: Stack) -> str:
    shown = [
        f"    {Path(code.co_filename).name}:{line} {code.co_name}"
        for code, line in stack
        if not any(part in code.co_filename for part in _HIDDEN)
    ]
    return "\n".join(shown)
