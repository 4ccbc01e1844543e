"""Strands over a dictionary: what a baton and its strategies are tested on without a machine.

A program is a list of steps: ("read", word), ("write", word, value), ("add", word, value), and with
a board that has power ("take", lock), ("give", lock). What a
strand reads is its result; the outcome of a schedule is all results and the words at the end.

State: none.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from hw.spec.layout import DIRECT_MAP
from hw.spec.watch import ATOMIC, AWAIT, COMPARE, UPDATE, WRITE
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import Cpu, cpu, use_cpu
from mpkernel.tools.explore.baton import Baton, Looker, Strand
from mpkernel.tools.explore.strategies.strategy import Strategy

Step = tuple[Any, ...]
Program = Sequence[Step]
Outcome = tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, int], ...]]

KINDS = {
    "read": ATOMIC,
    "write": ATOMIC | WRITE,
    "add": ATOMIC | WRITE | UPDATE,
    "take": ATOMIC | COMPARE | AWAIT,
    "give": ATOMIC | COMPARE,
}


def address(word: int) -> int:
    """Host address of a word of RAM, which need not be mapped."""
    return DIRECT_MAP + 0x10_0000 + 8 * word


def run(
    strategy: Strategy,
    programs: Sequence[Program],
    lookers: Sequence[Callable[[Baton], Looker]] = (),
    most_steps: int = 1000,
) -> tuple[Baton, Outcome]:
    """One schedule: its baton and its outcome."""
    words: dict[int, int] = {}
    results: list[list[int]] = [[] for _ in programs]
    baton = Baton(strategy, most_steps)
    for verb, word, *_ in (step for program in programs for step in program):
        if verb == "take":  # a run that was given up may have left it taken
            AtomicU64.from_address(address(word)).value = 0

    def body(index: int) -> Callable[[Strand], None]:
        def execute(_: Strand) -> None:
            for verb, word, *value in programs[index]:
                baton.access(address(word), KINDS[verb])
                if verb in ("take", "give"):
                    AtomicU64.from_address(address(word)).value = int(verb == "take")
                    baton.changed(address(word))
                elif verb == "write":
                    words[word] = value[0]
                elif verb == "add":
                    words[word] = words.get(word, 0) + value[0]
                else:
                    results[index].append(words.get(word, 0))

        return execute

    before = cpu()
    try:
        for index in range(len(programs)):
            baton.add(f"core{index}", Cpu(index), body(index))
        baton.lookers += [make(baton) for make in lookers]
        baton.run()
        strategy.end(baton)
    finally:
        baton.close()
        use_cpu(before)
    return baton, (tuple(map(tuple, results)), tuple(sorted(words.items())))


class Every:
    """All interleavings, without any reduction: what dfs must agree with."""

    name = "every"
    waits_for_locks = True
    seed = 0

    def __init__(self) -> None:
        self._path: list[tuple[int, int]] = []  #: (choice, choices) by step
        self._began = False

    def begin(self) -> bool:
        """Take the next choice at the deepest step that has one."""
        if not self._began:
            self._began = True
            return True
        while self._path and self._path[-1][0] + 1 == self._path[-1][1]:
            self._path.pop()
        if not self._path:
            return False
        choice, choices = self._path[-1]
        self._path[-1] = (choice + 1, choices)
        return True

    def choose(self, baton: Baton, current: Strand | None) -> Strand:  # noqa: ARG002
        """As the path says, the first beyond it."""
        depth = len(baton.trace)
        if depth == len(self._path):
            self._path.append((0, len(baton.enabled)))
        return baton.enabled[self._path[depth][0]]

    def end(self, baton: Baton) -> None:
        """Nothing is learnt."""


def outcomes(strategy: Strategy, programs: Sequence[Program]) -> tuple[set[Outcome], int]:
    """Outcomes of all schedules of a strategy, and how many schedules these were."""
    found = set()
    count = 0
    while strategy.begin():
        baton, outcome = run(strategy, programs)
        count += 1
        if not baton.is_redundant:
            found.add(outcome)
    return found, count


def switches(trace: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of neighbouring steps of different strands."""
    return ((one, other) for one, other in pairwise(trace) if one != other)
