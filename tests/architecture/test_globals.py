"""A mutable module global is silently one copy a core: there is none in the kernel."""

import ast
from collections.abc import Iterator

import pytest

from tests.support.source_tree import Source, dotted, sources

#: Where this process keeps which CPU it is, and what the process and not the machine owns.
ALLOWED_GLOBALS = {
    "mpkernel/arch/cpu.py:_current": "the one place that says which CPU this process is",
    "mpkernel/mm/slab.py:CACHES": "grows at import only, in the same order in every process",
}
#: Caches of values that can never change, whoever asks.
ALLOWED_CACHES: dict[str, str] = {}

#: Calls whose result is no state: types, aliases, constants.
HARMLESS_CALLS = {"TypeVar", "NewType", "ParamSpec", "namedtuple", "IntEnum"}
MUTATORS = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem",
    "popleft", "remove", "setdefault", "sort", "update",
}  # fmt: skip
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter"}
MUTABLE_LITERALS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)

KERNEL = sources("mpkernel")


def module_names(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, ast.expr | None, bool]]:
    """Names assigned at module level: name, statement, value, whether declared Final."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            is_final = "Final" in ast.unparse(node.annotation)
            is_type = "TypeAlias" in ast.unparse(node.annotation)
            yield node.target.id, node, node.value, is_final or is_type
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        yield part.id, node, node.value, False


def is_constant_kind(name: str, value: ast.expr | None) -> bool:
    """Whether an undeclared name is plainly no variable: a type, an alias, a constant's name."""
    if isinstance(value, ast.Call) and dotted(value.func).rsplit(".", 1)[-1] in HARMLESS_CALLS:
        return True
    if isinstance(value, ast.Attribute | ast.Name):
        return True  # another name of a function
    if isinstance(value, ast.Subscript | ast.BinOp) and name[0].isupper():
        return True
    return name.lstrip("_").isupper() or (name.startswith("__") and name.endswith("__"))


def is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, MUTABLE_LITERALS):
        return True
    return isinstance(value, ast.Call) and dotted(value.func).rsplit(".", 1)[-1] in MUTABLE_CALLS


def mutations(tree: ast.Module, name: str) -> Iterator[ast.AST]:
    """Places that change the container ``name``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if dotted(node.func.value) == name and node.func.attr in MUTATORS:
                yield node
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if dotted(node.value) == name:
                yield node
        elif isinstance(node, ast.AugAssign) and dotted(node.target) == name:
            yield node


def varying_globals(source: Source) -> list[str]:
    """Places where a module keeps something that can change."""
    wrong = []
    for name, node, value, is_declared in module_names(source.tree):
        if f"{source.name}:{name}" in ALLOWED_GLOBALS:
            continue
        if not is_declared and not is_constant_kind(name, value):
            wrong.append(f"{source.at(node)} {name} is not declared Final")
        if is_mutable(value):
            wrong += [
                f"{source.at(place)} {name} changes" for place in mutations(source.tree, name)
            ]
    wrong += [
        f"{source.at(node)} global {', '.join(node.names)}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Global)
        and any(f"{source.name}:{name}" not in ALLOWED_GLOBALS for name in node.names)
    ]
    return wrong


def test_no_module_global_varies():
    wrong = [place for source in KERNEL for place in varying_globals(source)]
    assert not wrong, "\n".join(wrong)


def test_no_class_attribute_is_a_container_that_can_change():
    wrong = [
        source.at(node)
        for source in KERNEL
        for definition in ast.walk(source.tree)
        if isinstance(definition, ast.ClassDef)
        for node in definition.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and is_mutable(node.value)
        and not (isinstance(node, ast.AnnAssign) and "Final" in ast.unparse(node.annotation))
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_cached_behind_the_other_cores_backs():
    wrong = [
        f"{source.at(node)} {node.name}"
        for source in KERNEL
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(
            dotted(decorator).removesuffix("()").rsplit(".", 1)[-1] in ("cache", "lru_cache")
            for decorator in node.decorator_list
        )
        and f"{source.name}:{node.name}" not in ALLOWED_CACHES
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("code", "finds"),
    [
        ("tasks = {}", True),
        ("TASKS: Final = {}\ndef f(x):\n    TASKS[x] = 1", True),
        ("TASKS: Final = set()\ndef f(x):\n    TASKS.add(x)", True),
        ("def f():\n    global n\n    n = 1", True),
        ("TASKS: Final = {1: 2}", False),
        ("T = TypeVar('T')", False),
    ],
)
def test_the_rule_finds_what_it_is_about(code: str, finds: bool, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.support.source_tree.ROOT", tmp_path)
    (tmp_path / "example.py").write_text(code)
    assert bool(varying_globals(Source(tmp_path / "example.py"))) == finds


def test_no_exception_is_left_over():
    names = {
        f"{source.name}:{name}"
        for source in sources("mpkernel")
        for name, *_ in module_names(source.tree)
    }
    assert set(ALLOWED_GLOBALS) <= names
