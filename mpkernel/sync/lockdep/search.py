"""Search for strong paths: those along which every lock really waits for the next.

    a -(.R)-> b -(S.)-> c   is no path: who holds b shared does not stop a recursive reader of b

So a step depends on how the lock between was reached, and a class is visited at most twice: weakly
(all ways to it end in R; backwards: all ways from it begin with S) and otherwise.

Spec: Linux, Documentation/locking/lockdep-design.rst. State: the ledger, read. Context: any.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mpkernel.sync.lockdep.graph import (
    WAYS_E,
    WAYS_N,
    ClassNode,
    EdgeNode,
    edges_after,
    edges_before,
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A class at the end of a strong path."""

    node: ClassNode
    is_weak: bool
    edge: EdgeNode | None = None  #: the path's last edge, None at its start
    via: "Reached | None" = None

    def edges(self) -> list[EdgeNode]:
        """The path's edges, in the order in which they were walked."""
        found = []
        at: Reached | None = self
        while at is not None and at.edge is not None:
            found.append(at.edge)
            at = at.via
        return found[::-1]


def forwards(
    start: ClassNode, *, is_weak: bool, skip: Callable[[ClassNode], bool] | None = None
) -> Iterator[Reached]:
    """``start`` and all that waiting for it may mean to wait for, nearest first.

    ``is_weak``: it is waited for as a recursive reader. ``skip``: classes through which none goes.
    """
    return _walk(Reached(start, is_weak), edges_after, _forward, skip)


def backwards(
    start: ClassNode, *, is_weak: bool, skip: Callable[[ClassNode], bool] | None = None
) -> Iterator[Reached]:
    """``start`` and all that is held while others may wait for it, nearest first.

    ``is_weak``: it is held shared.
    """
    return _walk(Reached(start, is_weak), edges_before, _backward, skip)


def _forward(at: Reached, edge: EdgeNode) -> Reached | None:
    ways = edge.ways.value & WAYS_E if at.is_weak else edge.ways.value
    return Reached(ClassNode.at(edge.target), not ways & WAYS_N, edge, at) if ways else None


def _backward(at: Reached, edge: EdgeNode) -> Reached | None:
    ways = edge.ways.value & WAYS_N if at.is_weak else edge.ways.value
    return Reached(ClassNode.at(edge.source), not ways & WAYS_E, edge, at) if ways else None


def _walk(
    start: Reached,
    edges: Callable[[ClassNode], Iterator[EdgeNode]],
    step: Callable[[Reached, EdgeNode], Reached | None],
    skip: Callable[[ClassNode], bool] | None,
) -> Iterator[Reached]:
    waiting = deque([start])
    seen = {(start.node.phys, start.is_weak), (start.node.phys, True)}
    while waiting:
        at = waiting.popleft()
        if skip is not None and skip(at.node):
            continue
        yield at
        for edge in edges(at.node):
            reached = step(at, edge)
            if reached is None:
                continue
            if (reached.node.phys, reached.is_weak) in seen:
                continue
            if (reached.node.phys, False) in seen:
                continue
            seen.add((reached.node.phys, reached.is_weak))
            waiting.append(reached)
