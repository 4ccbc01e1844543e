"""DFS: all schedules of a small scenario that can differ, each once.

Two steps commute unless they touch the same word and one may write it. Schedules that differ only
by commuting steps end alike, and one of them is enough. After a schedule, each pair of steps in it
that conflict and that nothing else orders is a place to try the other order (dynamic partial-order
reduction); a *sleep set* keeps what was tried at a node from being tried again below it, until a
step that conflicts with it.

    node: before step n     enabled, each one's next access
                            to_try: who shall go here     tried: who did     asleep: who need not

Spec: Abdulla and others, Optimal Dynamic Partial Order Reduction (POPL 2014): source sets.
State: private: the path to the schedule at hand. Context: mpkernel.tools.explore.
"""

from typing import TYPE_CHECKING

from hw.spec.watch import AWAIT, COMPARE, WRITE
from mpkernel.tools.explore.baton import Redundant
from mpkernel.tools.explore.vector_clock import Clock, join

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Baton, Strand

_CHANGES = WRITE | COMPARE
#: A step's access: its address (0: none), whether it may write, whether it takes a lock.
Access = tuple[int, bool, bool]


class Node:
    """A state on the current path, and what is known of the schedules through it."""

    __slots__ = ("accesses", "asleep", "chosen", "to_try", "tried", "waker")

    def __init__(self, accesses: dict[int, Access], asleep: dict[int, Access]) -> None:
        self.accesses = accesses  #: of all that are enabled, by strand
        self.asleep = asleep
        self.chosen = -1
        self.to_try: set[int] = set()
        self.tried: set[int] = set()
        self.waker = -1  #: step that ended the wait of the one chosen


class Dfs:
    """Goes through all schedules up to ``most``; ``is_exhaustive`` says whether that was all."""

    name = "dfs"
    waits_for_locks = True
    seed = 0

    def __init__(self) -> None:
        self.is_exhaustive = False
        self._path: list[Node] = []
        self._began = False

    def begin(self) -> bool:
        """Turn to the deepest node where something is left to try."""
        if not self._began:
            self._began = True
            return True
        path = self._path
        while path:
            node = path[-1]
            left = sorted(node.to_try - node.tried - node.asleep.keys())
            if left:
                node.chosen = left[0]
                node.tried.add(left[0])
                return True
            path.pop()
        self.is_exhaustive = True
        return False

    def choose(self, baton: "Baton", current: "Strand | None") -> "Strand":
        """What the path says; beyond its end, whoever runs goes on.

        Raises:
            Redundant: all that can run are asleep: what follows has been seen.
        """
        depth = len(baton.trace)
        enabled = baton.enabled
        if depth < len(self._path):
            node = self._path[depth]
            strand = next(one for one in enabled if one.index == node.chosen)
            node.waker, strand.waker = strand.waker, -1
            return strand
        accesses = {one.index: _access_of(one) for one in enabled}
        node = Node(accesses, self._asleep_here())
        self._path.append(node)
        awake = [one for one in enabled if one.index not in node.asleep]
        if not awake:
            raise Redundant
        strand = current if current in awake else awake[0]
        assert strand is not None
        node.chosen = strand.index
        node.waker, strand.waker = strand.waker, -1
        node.to_try.add(strand.index)
        node.tried.add(strand.index)
        return strand

    def end(self, baton: "Baton") -> None:
        """Find the pairs of steps whose order should be tried the other way round."""
        if self._path and self._path[-1].chosen < 0:
            self._path.pop()  # where nobody had to go on
        strands = baton.strands
        waiting = [
            (one.index, one.address) for one in strands if one.is_blocked and one.kind & AWAIT
        ]
        reverse_races(self._path, len(strands), waiting)

    def _asleep_here(self) -> dict[int, Access]:
        """Who need not run next: tried before at the node above, and not touched by its step."""
        if not self._path:
            return {}
        above = self._path[-1]
        step = above.accesses[above.chosen]
        kept = {
            strand: access for strand, access in above.asleep.items() if not conflict(access, step)
        }
        for strand in above.tried:
            if strand != above.chosen and not conflict(above.accesses[strand], step):
                kept[strand] = above.accesses[strand]
        return kept


def _access_of(strand: "Strand") -> Access:
    kind = strand.kind
    return strand.address, bool(kind & _CHANGES), bool(kind & AWAIT)


def conflict(one: Access, other: Access) -> bool:
    """Whether the order of two accesses may matter."""
    return one[0] == other[0] != 0 and (one[1] or other[1])


def reverse_races(path: list[Node], strands: int, waiting: list[tuple[int, int]]) -> None:
    """Have the other order of each race of a schedule tried: add to ``to_try`` who begins it.

    ``waiting``: strands that still wait for locks at the end, and these. A clock is, by strand, the
    number + 1 of its last step that is ordered before; ``at`` has the clock of each step, itself
    included.
    """
    clocks = [[0] * strands for _ in range(strands)]
    at: list[Clock] = []
    last_write: dict[int, int] = {}
    last_take: dict[int, int] = {}
    last_reads: dict[int, dict[int, int]] = {}
    for number, node in enumerate(path):
        strand = node.chosen
        clock = clocks[strand]
        address, writes, takes = node.accesses[strand]
        racing = _last_take_of_another(path, last_take, address, clock) if takes else []
        if node.waker >= 0:
            join(clock, at[node.waker])
        before = [last_write[address]] if address in last_write else []
        if writes:
            before += last_reads.get(address, {}).values()
        if not takes:
            racing = [one for one in before if _is_race(path, at, clock, one, before)]
        for step in before:
            join(clock, at[step])
        clock[strand] = number + 1
        at.append(clock.copy())
        for step in racing:
            _reverse(path, at, step, strand)
        if takes:
            last_take[address] = number
        if address and writes:
            last_write[address] = number
            last_reads.pop(address, None)
        elif address:
            last_reads.setdefault(address, {})[strand] = number
    for strand, lock in waiting:
        for step in _last_take_of_another(path, last_take, lock, clocks[strand]):
            _reverse(path, [*at, clocks[strand]], step, strand)


def _last_take_of_another(
    path: list[Node], last_take: dict[int, int], lock: int, clock: Clock
) -> list[int]:
    """The step that took a lock last, if nothing but the lock orders it before that clock."""
    step = last_take.get(lock)
    return [] if step is None or clock[path[step].chosen] > step else [step]


def _is_race(path: list[Node], at: list[Clock], clock: Clock, one: int, before: list[int]) -> bool:
    """Whether nothing else orders a step before the one with that clock."""
    other = path[one].chosen
    return clock[other] <= one and not any(at[step][other] > one for step in before if step != one)


def _reverse(path: list[Node], at: list[Clock], first: int, strand: int) -> None:
    """Have the last step of ``at``, of ``strand``, come before ``first``, with what may come too.

    One who can begin that has to be tried before ``first`` (a source set).
    """
    node = path[first]
    racer = node.chosen
    begins: set[int] = set()
    seen: list[int] = []
    for step in range(first + 1, len(at)):
        clock = at[step]
        is_last = step == len(at) - 1
        if not is_last and clock[racer] > first:
            continue
        if not any(clock[path[one].chosen] > one for one in seen):
            begins.add(strand if is_last else path[step].chosen)
        seen.append(step)
    if begins & node.to_try:
        return
    able = sorted(begins & node.accesses.keys())
    node.to_try.update(able[:1] or node.accesses)
