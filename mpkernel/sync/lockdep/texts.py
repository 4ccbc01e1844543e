"""The validator as files: what /proc/lockdep, /proc/lockdep_chains and /proc/lock_stat show.

State: the ledger, and what CPUs count of their locks, read. Locks: none. Context: any.
"""

from collections.abc import Iterator

from mpkernel.arch import timer, topology
from mpkernel.arch.cpu import AREAS, LOCK_CLASSES
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import chains, graph, modes, records, report, search, usage
from mpkernel.sync.lockdep.graph import ClassNode


def classes_text() -> bytes:
    """Every class: locks that may come after and before it, its usage, its direct successors."""
    lines = [
        f"{records.NOTES.used_bytes // 1024} KiB of notes, {len(report.all_reports())} reports",
        "usage: hard, hard shared, deferred, deferred shared: - taken in it, + it may come, ? both",
    ]
    for node in graph.classes():
        after = _count(search.forwards(node, is_weak=False))
        before = _count(search.backwards(node, is_weak=False))
        letters = usage.letters(node.usage.value)
        kind = graph.kind_of(node).name
        lines.append(f"FD: {after:4} BD: {before:4} {letters} {graph.name_of(node)} ({kind})")
        targets = (ClassNode.at(edge.target) for edge in graph.edges_after(node))
        lines += [f" -> {name}" for name in sorted(map(graph.name_of, targets))]
    return ("\n".join(lines) + "\n").encode()


def _count(reached: Iterator[search.Reached]) -> int:
    return len({one.node.phys for one in reached}) - 1


def chains_text() -> bytes:
    """Every chain of locks that some CPU held, in the order in which they were taken."""
    lines: list[str] = []
    for context, steps in chains.all_chains():
        places = ("interrupt" if context & chains.IN_HARD else "",
                  "deferred" if context & chains.IN_DEFERRED else "")  # fmt: skip
        lines.append(f"context: {' '.join(filter(None, places)) or 'task'}")
        lines += [f"  {_step(step)}" for step in steps]
        lines.append("")
    return ("\n".join(lines) + "\n").encode()


def _step(which: int) -> str:
    key = which >> chains.KEY_SHIFT
    mode = (which & (1 << chains.KEY_SHIFT) - 1) >> chains.MODE_SHIFT
    words = [graph.name_of_key(key), f"({modes.kind_of(mode).name})"]
    words += [("", "shared", "shared recursively")[mode & modes.SHARING]] * bool(
        mode & modes.SHARING
    )
    words += ["tried"] * bool(mode & modes.TRY)
    words += ["interrupts off"] * bool(which & chains.HARD_OFF)
    return " ".join(words)


def statistics_text() -> bytes:
    """By class, most waited for first: counts, and times in microseconds."""
    rows = []
    for class_id in range(LOCK_CLASSES):
        parts = [AREAS[index].locks[class_id] for index in range(topology.cpu_count())]
        taken, contended = sum(p.taken for p in parts), sum(p.contended for p in parts)
        if taken or contended:
            times = (
                sum(p.waited_tsc for p in parts), max(p.longest_wait_tsc for p in parts),
                sum(p.held_tsc for p in parts), max(p.longest_tsc for p in parts),
            )  # fmt: skip
            name = ranks.by_id(class_id).name if class_id else "(others)"
            rows.append((times[0], name, contended, taken, [timer.ns_of(t) / 1000 for t in times]))
    lines = [
        f"{'class':18}{'contended':>10}{'waited':>12}{'longest':>10}"
        f"{'taken':>10}{'held':>12}{'longest':>10}"
    ]
    for _, name, contended, taken, us in sorted(rows, reverse=True):
        lines.append(
            f"{name:18}{contended:10}{us[0]:12.1f}{us[1]:10.1f}{taken:10}{us[2]:12.1f}{us[3]:10.1f}"
        )
    return ("\n".join(lines) + "\n").encode()
