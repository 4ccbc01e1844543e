"""Reports: what would happen, to whom, and where each step was taken first.

A finding is reported once, however often it is met; the machine goes on. A report is kept in the
ledger as JSON, where everybody finds it, and goes to the kernel's log as text.

State: the ledger. Locks: none. Context: any.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mpkernel.sync.lockdep import graph, records, stacks
from mpkernel.sync.lockdep.graph import EdgeNode

# Kinds of findings.
CIRCULAR: Final = "circular dependency"
RECURSION: Final = "recursive locking"
INCONSISTENT: Final = "inconsistent use in interrupts"
INVERSION: Final = "interrupt inversion"
CONTEXT: Final = "wrong wait context"
RANK: Final = "out of rank"
NOT_HELD: Final = "unlock of a lock not held"
ORDER: Final = "unlock out of order"
PINNED: Final = "unlock of a pinned lock"
NOT_PINNED: Final = "unpin of a lock not pinned"
NEST: Final = "nested under a lock not held"
LEFT_HELD: Final = "lock left held"
INIT_HELD: Final = "init of a held lock"
FREE_HELD: Final = "held lock freed"
SLEEP: Final = "sleep where none may"
MISUSE: Final = "rules of a lock's type broken"
FULL: Final = "validator out of memory"

_WIDTH: Final = 28


@dataclass
class Step:
    """One edge of a chain."""

    source: str
    target: str
    cpu: int
    stack: list[str]


@dataclass
class Report:
    """One finding."""

    kind: str
    what: str  #: in one sentence
    cpu: int = 0
    task: int = 0  #: address, 0: none
    locks: list[str] = field(default_factory=list)  #: classes that it is about
    steps: list[Step] = field(default_factory=list)  #: the chain
    scene: list[list[str]] = field(default_factory=list)  #: by core: what each does, in turn
    places: dict[str, list[str]] = field(default_factory=dict)  #: what was done there first
    held: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)  #: where it was found

    def text(self) -> str:
        """For people."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"lockdep: {self.kind} on core {self.cpu}: {self.what}"
        if self.scene:
            yield "  what would happen:"
            yield "    " + "".join(f"core {n}".ljust(_WIDTH) for n in range(len(self.scene)))
            for row in range(max(map(len, self.scene))):
                cells = (column[row] if row < len(column) else "" for column in self.scene)
                yield ("    " + "".join(cell.ljust(_WIDTH) for cell in cells)).rstrip()
        for step in self.steps:
            yield f"  {step.source} -> {step.target}, first on core {step.cpu}:"
            yield from (f"    {site}" for site in step.stack)
        for what, sites in self.places.items():
            yield f"  {what}:"
            yield from (f"    {site}" for site in sites)
        if self.held:
            yield f"  held here: {', '.join(self.held)}"
        yield "  found at:"
        yield from (f"    {site}" for site in self.stack)

    def to_json(self) -> str:
        """For programs; ``from_json`` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Return what ``to_json`` wrote."""
        words: dict[str, Any] = json.loads(text)
        words["steps"] = [Step(**step) for step in words["steps"]]
        return cls(**words)

    def graphviz(self) -> str:
        """The chain as a graph."""
        lines = ["digraph lockdep {", f"  label={json.dumps(self.kind)};"]
        for step in self.steps:
            label = step.stack[0] if step.stack else ""
            lines.append(
                f"  {json.dumps(step.source)} -> {json.dumps(step.target)}"
                f" [label={json.dumps(label)}];"
            )
        lines += [f"  {json.dumps(name)};" for name in self.locks]
        return "\n".join([*lines, "}"]) + "\n"


def is_new(kind: str, about: Sequence[object]) -> bool:
    """Whether nobody reported this finding before; from now on it is reported."""
    text = json.dumps([kind, *map(str, about)])
    return records.put(records.FINDING, text.encode())[1]


def keep(report: Report) -> None:
    """Put a report where everybody finds it."""
    records.put(records.REPORT, report.to_json().encode())


def all_reports() -> list[Report]:
    """All reports of this machine, the oldest first."""
    if not records.REPORTS.used_bytes:
        return []  # asked after every test: the table of records is large
    return [
        Report.from_json(records.content(one).decode()) for one in records.all_of(records.REPORT)
    ]


def steps_of(edges: Sequence[EdgeNode]) -> list[Step]:
    """A path as steps."""
    return [
        Step(
            graph.name_of_key(graph.ClassNode.at(edge.source).key),
            graph.name_of_key(graph.ClassNode.at(edge.target).key),
            edge.cpu,
            stacks.lines(graph.stack_of(edge)),
        )
        for edge in edges
    ]


def circle_scene(steps: Sequence[Step]) -> list[list[str]]:
    """What each core does when a circle closes: it has one lock and waits for the next."""
    return [[f"has {step.source}", f"waits for {step.target}"] for step in steps]
