"""The project's own sources as syntax trees, for the tests of its rules.

State: parsed trees, private to the test process.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path

    @property
    def name(self) -> str:
        """Path from the project's root, as rules and allow lists write it."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """The file's text."""
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        return ast.parse(self.text, self.name)

    @property
    def line_count(self) -> int:
        """Number of lines."""
        return self.text.count("\n")

    def at(self, node: ast.AST) -> str:
        """Place of a node, as an editor understands it."""
        return f"{self.name}:{getattr(node, 'lineno', 0)}"


@cache
def sources(*packages: str) -> tuple[Source, ...]:
    """All Python files of top-level folders, in order."""
    return tuple(
        Source(path) for package in packages for path in sorted((ROOT / package).rglob("*.py"))
    )


def walk_own_code(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below ``node`` that run with it: not the bodies of functions defined there."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield child
        yield from walk_own_code(child)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a name or attribute, with () for a call; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return ""
