"""Races on data: two accesses to a byte, one a write, that nothing orders, whenever they happened.

Order comes from atomics alone: a store releases what its core has done, a load acquires what the
store that it may have seen released, a read-modify-write does both. Locks, wakeups and interrupts
are made of atomics, so their order follows. All fields can race that a layout does not declare
``atomic``, ``fixed`` and ``this_cpu`` included: they claim an order, and here it must show.

    races with   atomic   field   bulk        an atomic beside a field sees all of it or nothing,
    atomic       no       no      yes         since a field is one aligned load or store; bulk
    field        no       yes     yes         copies are not, so nothing may stand beside them
    bulk         yes      yes     yes

State: private to one run. Context: mpkernel.tools.explore.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

from hw.spec.watch import ATOMIC, BULK, COMPARE, SIZE_SHIFT, UPDATE, WORD, WRITE
from mpkernel.tools.explore.vector_clock import Clock, join

#: Frames of a stack that are kept, and those of the watch itself that are not.
_DEPTH: Final = 10
_HIDDEN: Final = ("hw/spec/watch.py", "tools/explore/", "hw/atomics.py", "hw/turns.py")

Stack = tuple[tuple[CodeType, int], ...]


class Access(NamedTuple):
    """One that was made."""

    strand: int
    bytes: int  #: of the word: a bit each
    writes: bool
    order: int  #: of ATOMIC and BULK
    time: int  #: of the strand's own clock
    stack: Stack

    def races(self, later: "Access", clock: Clock) -> bool:
        """Whether nothing orders this before a later one, whose strand knows ``clock``."""
        return bool(
            self.strand != later.strand
            and self.bytes & later.bytes
            and (self.writes or later.writes)
            and (BULK in (self.order, later.order) or ATOMIC not in (self.order, later.order))
            and self.time > clock[self.strand]
        )


class Race(NamedTuple):
    """Two accesses that nothing orders, the later one second."""

    address: int
    first: Access
    second: Access

    def told(self, names: Sequence[str], what: str) -> tuple[str, str]:
        """In a line, and with both stacks; ``what`` stands at the address."""
        first, second = names[self.first.strand], names[self.second.strand]
        verb, other_verb = ("writes" if one.writes else "reads" for one in self[1:])
        return (
            f"{first} {verb} {what}, {second} {other_verb} it, and nothing orders them",
            f"\n{first} {verb} {what}:\n{_lines(self.first.stack)}\n"
            f"{second} {other_verb} {what}:\n{_lines(self.second.stack)}\n",
        )


class RaceCheck:
    """Watches one run of so many strands; ``found`` is called with each race."""

    def __init__(self, count: int, found: Callable[[Race], None]) -> None:
        self._found = found
        self._clocks: list[Clock] = [[0] * count for _ in range(count)]
        for index, clock in enumerate(self._clocks):
            clock[index] = 1
        self._released: dict[int, Clock] = {}
        #: By word: the last access of each strand, of each kind, to each of its parts.
        self._seen: dict[int, dict[tuple[int, int, bool, int], Access]] = {}

    def look(self, strand: int, address: int, kind: int) -> None:
        """An access is about to be made."""
        self._touch(strand, address, kind)
        if kind & ATOMIC:
            self._synchronize(strand, address, kind)

    def _synchronize(self, index: int, address: int, kind: int) -> None:
        clock = self._clocks[index]
        released = self._released.get(address)
        if released is not None and (kind & (UPDATE | COMPARE) or not kind & WRITE):
            join(clock, released)
        if kind & (WRITE | COMPARE):
            self._released[address] = clock.copy()
            clock[index] += 1

    def _touch(self, index: int, address: int, kind: int) -> None:
        clock = self._clocks[index]
        part = ((1 << (kind >> SIZE_SHIFT or WORD)) - 1) << address % WORD
        what = index, part, bool(kind & (WRITE | COMPARE)), kind & (ATOMIC | BULK)
        this = Access(*what, clock[index], _stack())
        seen = self._seen.setdefault(address & -WORD, {})
        for other in seen.values():
            if other.races(this, clock):
                self._found(Race(address, other, this))
        seen[what] = this


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
