"""The class graph as a picture: layers from what is taken first to what is taken last.

A class stands one layer below the lowest of those taken before it; within a layer, near the middle
of them. Edges of circles are red.

State: the ledger, read. Context: whoever has a machine's memory mapped.
"""

from dataclasses import dataclass
from html import escape
from typing import Final

from mpkernel.sync.lockdep import graph, stacks, usage
from mpkernel.sync.lockdep.graph import ClassNode

_WIDE: Final = 150
_HIGH: Final = 34
_GAP_X: Final = 26
_GAP_Y: Final = 62
_MARGIN: Final = 20
_SWEEPS: Final = 8


@dataclass(frozen=True)
class Picture:
    """Classes and edges by name, and what is said of them."""

    notes: dict[str, str]  #: by class: kind and usage
    edges: dict[tuple[str, str], str]  #: by source and target: where it was seen first

    def layers(self) -> list[list[str]]:
        """Classes by layer, from left to right."""
        depth = dict.fromkeys(self.notes, 0)
        straight = [pair for pair in self.edges if pair not in self.circles()]
        for _ in self.notes:
            for source, target in straight:
                depth[target] = max(depth[target], depth[source] + 1)
        rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
        for name in sorted(depth):
            rows[depth[name]].append(name)
        return self._ordered(rows)

    def circles(self) -> set[tuple[str, str]]:
        """Edges from whose target a way leads back."""
        after: dict[str, set[str]] = {name: set() for name in self.notes}
        for source, target in self.edges:
            after[source].add(target)
        for middle in self.notes:
            for source in self.notes:
                if middle in after[source]:
                    after[source] |= after[middle]
        return {(source, target) for source, target in self.edges if source in after[target]}

    def _ordered(self, rows: list[list[str]]) -> list[list[str]]:
        """Bring classes near the middle of their neighbours above and below."""
        for _ in range(_SWEEPS):
            place = {name: x for row in rows for x, name in enumerate(_centred(row, rows))}
            near: dict[str, list[int]] = {name: [] for name in self.notes}
            for source, target in self.edges:
                near[source].append(place[target])
                near[target].append(place[source])
            for row in rows:
                row.sort(key=lambda name: (sum(near[name]) / max(len(near[name]), 1), place[name]))
        return rows

    def svg(self) -> str:
        """Draw it."""
        rows = self.layers()
        widest = max(map(len, rows), default=1)
        width = widest * (_WIDE + _GAP_X) - _GAP_X + 2 * _MARGIN
        height = len(rows) * (_HIGH + _GAP_Y) - _GAP_Y + 2 * _MARGIN
        at: dict[str, tuple[float, float]] = {}
        for y, row in enumerate(rows):
            left = (width - len(row) * (_WIDE + _GAP_X) + _GAP_X) / 2
            for x, name in enumerate(row):
                at[name] = (left + x * (_WIDE + _GAP_X), _MARGIN + y * (_HIGH + _GAP_Y))
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="sans-serif" font-size="12">',
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
            ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
        ]
        circles = self.circles()
        for (source, target), where in self.edges.items():
            colour = "#c00" if (source, target) in circles else "#888"
            title = f"{source} -> {target}: {where}"
            parts.append(_curve(at[source], at[target], colour, title))
        parts += [_box(x, y, name, self.notes[name]) for name, (x, y) in at.items()]
        return "\n".join([*parts, "</svg>"]) + "\n"

    def graphviz(self) -> str:
        """The same for Graphviz."""
        lines = ["digraph locks {", "  node [shape=box];"]
        lines += [f'  "{name}" [label="{name}\\n{note}"];' for name, note in self.notes.items()]
        circles = self.circles()
        for (source, target), where in self.edges.items():
            colour = ", color=red" if (source, target) in circles else ""
            lines.append(f'  "{source}" -> "{target}" [tooltip="{where}"{colour}];')
        return "\n".join([*lines, "}"]) + "\n"


def _centred(row: list[str], rows: list[list[str]]) -> list[str]:
    """A row with as much empty room on its left as on its right."""
    return [""] * ((max(map(len, rows)) - len(row)) // 2) + row


def _curve(start: tuple[float, float], end: tuple[float, float], colour: str, title: str) -> str:
    x1, y1, x2, y2 = start[0] + _WIDE / 2, start[1] + _HIGH, end[0] + _WIDE / 2, end[1]
    bend = max(abs(y2 - y1) / 2, _GAP_Y / 2)
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f}'
        f' {x2:.0f} {y2:.0f}" fill="none" stroke="{colour}" marker-end="url(#head)">'
        f"<title>{escape(title)}</title></path>"
    )


def _box(x: float, y: float, name: str, note: str) -> str:
    middle = x + _WIDE / 2
    return (
        f'<g><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDE}" height="{_HIGH}" rx="5" fill="#eef"'
        f' stroke="#446"/><text x="{middle:.0f}" y="{y + 14:.0f}" text-anchor="middle">'
        f'{escape(name)}</text><text x="{middle:.0f}" y="{y + 28:.0f}" text-anchor="middle"'
        f' font-size="10" fill="#555">{escape(note)}</text></g>'
    )


def take() -> Picture:
    """The picture of the graph as it is."""
    notes, edges = {}, {}
    for node in graph.classes():
        notes[graph.name_of(node)] = f"{graph.kind_of(node).name} {usage.letters(node.usage.value)}"
    for node in list(graph.classes()):
        for edge in graph.edges_after(node):
            where = stacks.lines(graph.stack_of(edge))
            pair = graph.name_of(node), graph.name_of(ClassNode.at(edge.target))
            edges[pair] = next((site for site in where if not _is_lock(site)), "")
    return Picture(notes, edges)


def _is_lock(site: str) -> bool:
    """Whether a frame is a lock's own."""
    return site.startswith(("mpkernel/sync/", "mpkernel/sched/mutex.py"))
