"""What is checked when a chain of locks is new: each rule, and the report of who breaks it.

    wait context      nothing that sleeps inside what spins
    rank              mpkernel.sync.ranks
    recursion         a class inside itself, without levels
    usage             taken in interrupts, and held while they may come
    dependencies      one more edge: no circle, no path from the former usage to the latter

State: the ledger. Locks: none. Context: any; the caller has switched the validator off for itself.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from mpkernel.sync import ranks
from mpkernel.sync.lockdep import graph, report, search, stacks, usage
from mpkernel.sync.lockdep.chains import DEFERRED_OFF, HARD_OFF, IN_DEFERRED, IN_HARD, UNDER, Link
from mpkernel.sync.lockdep.graph import ClassNode, EdgeNode
from mpkernel.sync.lockdep.modes import EXCLUSIVE, RECURSIVE, SHARING, SUBCLASS_SHIFT, TRY, WAIT_ANY
from mpkernel.sync.lockdep.report import Report

_CLASS: Final = (1 << SUBCLASS_SHIFT) - 1


class Teller(Protocol):
    """Who takes reports."""

    @property
    def cpu(self) -> int:
        """The CPU that is checked."""

    def tell(self, finding: Report, about: Sequence[object]) -> None:
        """Report what was found, unless it was reported before."""


def check_link(link: Link, teller: Teller) -> None:
    """Check the last lock of a chain that is new."""
    _check_wait_context(link, teller)
    if not link.kind.is_checked or link.node is None:
        return
    waits = not link.mode & TRY
    if waits:
        _check_rank(link, teller)
    _mark_taken(link, link.node, teller)
    if waits and _may_add_edges(link, teller):
        _add_edges(link, link.node, teller)


def _check_wait_context(link: Link, teller: Teller) -> None:
    assert link.before is not None
    if link.mode & TRY or link.kind.outer == WAIT_ANY or link.kind.outer <= link.before.inner:
        return
    over = next((one for one in link.before.chain() if 0 < one.kind.inner < link.kind.outer), None)
    where = f"while {over.name()} is held" if over is not None else f"in {_place(link.context)}"
    teller.tell(
        Report(report.CONTEXT, f"{link.name()} is waited for {where}", locks=_names(over, link)),
        (link.key, link.kind.name, over.key if over is not None else link.context),
    )


def _place(context: int) -> str:
    return "an interrupt's handler" if context & IN_HARD else "deferred work"


def _names(*links: Link | None) -> list[str]:
    return [graph.name_of_key(one.key) for one in links if one is not None]


def _check_rank(link: Link, teller: Teller) -> None:
    assert link.before is not None
    rank = ranks.by_id(link.key & _CLASS).rank
    for held in link.before.chain() if rank else ():
        held_rank = ranks.by_id(held.key & _CLASS).rank
        if held_rank > rank:
            what = f"{link.name()} (rank {rank}) is taken over {held.name()} (rank {held_rank})"
            teller.tell(Report(report.RANK, what, locks=_names(held, link)), (held.key, link.key))


def _may_add_edges(link: Link, teller: Teller) -> bool:
    """Whether the lock's class is not held yet; report it if that is a deadlock."""
    assert link.before is not None
    may = True
    for held in link.before.chain():
        if held.key != link.key or not held.kind.is_checked:
            continue
        may = False
        both_read = link.mode & SHARING == RECURSIVE and held.mode & SHARING != EXCLUSIVE
        if not both_read and not link.which & UNDER:
            what = f"{link.name()} is waited for while {held.name()} is held"
            scene = [[f"has {graph.name_of_key(held.key)}", f"waits for {_names(link)[0]}"]]
            teller.tell(
                Report(report.RECURSION, what, locks=_names(link), scene=scene),
                (link.key, link.mode & SHARING, held.mode & SHARING),
            )
    return may


# Usage


def _mark_taken(link: Link, node: ClassNode, teller: Teller) -> None:
    is_shared = link.mode & SHARING != EXCLUSIVE
    if not link.mode & TRY:
        for context, bit in ((usage.HARD, IN_HARD), (usage.DEFERRED, IN_DEFERRED)):
            if link.context & bit:
                mark(link, node, usage.used(context, is_shared=is_shared), teller)
    if not link.which & HARD_OFF:
        mark(link, node, usage.may_come(usage.HARD, is_shared=is_shared), teller)
        if not link.which & DEFERRED_OFF:
            mark(link, node, usage.may_come(usage.DEFERRED, is_shared=is_shared), teller)


def mark_enabled(link: Link, context: int, teller: Teller) -> None:
    """A context may come from now on, with the last lock of this chain held."""
    if link.kind.is_checked and link.node is not None:
        is_shared = link.mode & SHARING != EXCLUSIVE
        mark(link, link.node, usage.may_come(context, is_shared=is_shared), teller)


def mark(link: Link, node: ClassNode, bit: int, teller: Teller) -> None:
    """Note a usage of a class, and check it against the others if it is new."""
    if node.usage.or_(bit) & bit:
        return
    node.usage_stacks[bit.bit_length() - 1] = stacks.capture()
    wrong = node.usage.value & usage.contrary(bit)
    if wrong and not graph.kind_of(node).is_per_cpu:
        other = wrong & -wrong
        what = f"{graph.name_of(node)} is {usage.name_of(bit)}, and {usage.name_of(other)}"
        name = graph.name_of(node)
        scene = [
            [
                f"has {name}",
                f"{usage.CONTEXT_NAMES[usage.context_of(bit)]} come",
                f"waits for {name}",
            ]
        ]
        teller.tell(
            Report(
                report.INCONSISTENT,
                what,
                locks=[name],
                scene=scene,
                places=_places(node, bit, other),
            ),
            (node.key, usage.context_of(bit), (bit | other) & 0b0101_0101),
        )
    context = usage.context_of(bit)
    mode = link.mode & SHARING
    if usage.is_used(bit):
        reached = search.forwards(node, is_weak=mode == RECURSIVE, skip=_is_per_cpu)
        found = usage.first_may_come((one for one in reached if one.edge is not None), context)
        if found is not None:
            _tell_inversion(node, found.node, found.edges(), context, teller)
    else:
        reached = search.backwards(node, is_weak=mode != EXCLUSIVE, skip=_is_per_cpu)
        found = usage.first_used((one for one in reached if one.edge is not None), context)
        if found is not None:
            _tell_inversion(found.node, node, found.edges()[::-1], context, teller)


def _is_per_cpu(node: ClassNode) -> bool:
    return graph.kind_of(node).is_per_cpu


def _places(node: ClassNode, *bits: int) -> dict[str, list[str]]:
    return {
        f"{graph.name_of(node)} {usage.name_of(bit)}, first": stacks.lines(
            node.usage_stacks[bit.bit_length() - 1]
        )
        for bit in bits
    }


def _tell_inversion(
    safe: ClassNode, unsafe: ClassNode, edges: Sequence[EdgeNode], context: int, teller: Teller
) -> None:
    """``safe`` is taken in a context that may interrupt holders of ``unsafe``."""
    names = graph.name_of(safe), graph.name_of(unsafe)
    kind = usage.CONTEXT_NAMES[context]
    used = usage.bit_for(safe, context, is_used_one=True)
    comes = usage.bit_for(unsafe, context, is_used_one=False)
    what = f"{names[0]}, {usage.name_of(used)}, leads to {names[1]}, {usage.name_of(comes)}"
    scene = [
        [f"has {names[1]}", f"{kind} come", f"waits for {names[0]}"],
        [f"has {names[0]}", f"waits for {names[1]}"],
    ]
    places = {**_places(safe, used), **_places(unsafe, comes)}
    teller.tell(
        Report(
            report.INVERSION, what, locks=list(names), scene=scene, places=places,
            steps=report.steps_of(edges),
        ),
        (context, safe.key, unsafe.key),
    )  # fmt: skip


# Dependencies


def _add_edges(link: Link, node: ClassNode, teller: Teller) -> None:
    """Link what is held to the new lock, back to the first that has such links of its own."""
    assert link.before is not None
    for held in link.before.chain():
        if held.node is None or not held.kind.is_checked:
            continue
        add_dependency(held.node, held.mode, node, link.mode, teller)
        if not held.mode & TRY and held.mode & SHARING != RECURSIVE:
            return


def add_dependency(
    source: ClassNode, source_mode: int, target: ClassNode, target_mode: int, teller: Teller
) -> None:
    """``target`` was waited for with ``source`` held: add the edge; if it is new, check it."""
    edge = graph.add_edge(source, target, graph.way_of(source_mode, target_mode), teller.cpu)
    if edge is None:
        return
    is_exclusive = source_mode & SHARING == EXCLUSIVE
    is_recursive = target_mode & SHARING == RECURSIVE
    for one in search.forwards(target, is_weak=is_recursive):
        if one.node.phys == source.phys and (is_exclusive or not one.is_weak):
            _tell_circle([edge, *one.edges()], teller)
            break
    for context in usage.CONTEXTS:
        behind = search.backwards(source, is_weak=not is_exclusive, skip=_is_per_cpu)
        safe = usage.first_used(behind, context)
        if safe is None:
            continue
        ahead = search.forwards(target, is_weak=is_recursive, skip=_is_per_cpu)
        unsafe = usage.first_may_come(ahead, context)
        if unsafe is not None:
            path = [*safe.edges()[::-1], edge, *unsafe.edges()]
            _tell_inversion(safe.node, unsafe.node, path, context, teller)


def _tell_circle(edges: Sequence[EdgeNode], teller: Teller) -> None:
    steps = report.steps_of(edges)
    names = [step.source for step in steps]
    what = f"{names[0]} -> {' -> '.join(step.target for step in steps)}"
    keys = [ClassNode.at(edge.source).key for edge in edges]
    turn = keys.index(min(keys))
    teller.tell(
        Report(report.CIRCULAR, what, locks=names, steps=steps, scene=report.circle_scene(steps)),
        keys[turn:] + keys[:turn],
    )
