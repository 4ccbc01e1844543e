"""``async def`` may sleep; nothing sleeps with a spinlock held."""

import ast
from collections.abc import Iterator

import pytest

from tests.support.source_tree import dotted, sources, walk_own_code


def is_spinlock(expression: ast.expr) -> bool:
    """Whether a ``with`` takes a spinning lock: sleeping ones are taken with ``async with``."""
    name = dotted(expression)
    last = name.removesuffix("()").rsplit(".", 1)[-1]
    return last in ("irqsave", "exclusive") or last == "lock" or last.endswith("_lock")


def sleeps_with_lock(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any(is_spinlock(i.context_expr) for i in node.items):
            for inner in walk_own_code(node):
                if isinstance(inner, ast.Await | ast.AsyncFor | ast.AsyncWith):
                    yield inner


def test_no_await_with_a_spinlock_held():
    wrong = [
        source.at(node) for source in sources("mpkernel") for node in sleeps_with_lock(source.tree)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("code", "finds"),
    [
        ("async def f(q):\n    with q.lock:\n        await g()", True),
        ("async def f(q):\n    with q.lock.irqsave():\n        async with q.m: pass", True),
        ("async def f(q):\n    with a, q.lock:\n        if q:\n            return await g()", True),
        ("async def f(q):\n    async with q.lock:\n        await g()", False),
        ("async def f(q):\n    with q.lock:\n        g()\n    await h()", False),
        ("async def f(q):\n    with q.lock:\n        async def g():\n            await h()", False),
    ],
)
def test_the_rule_finds_what_it_is_about(code: str, finds: bool):
    assert bool(list(sleeps_with_lock(ast.parse(code)))) == finds
