"""The key of a family's object follows from all sources that its native code follows from."""

from hw.cpu import handler_compiler
from hw.cpu.handler_compiler import imports_of, source_key


def _closure(name: str) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting.extend(imports_of(module)[1])
    return seen


def test_a_family_depends_on_what_it_imports_at_any_depth() -> None:
    found = _closure("hw.cpu.semantics.alu")
    assert {"hw.cpu.flags", "hw.cpu.mmu", "hw.cpu.state", "hw.spec.layout", "hw.ram"} <= found


def test_a_family_does_not_depend_on_another() -> None:
    assert "hw.cpu.semantics.sse" not in _closure("hw.cpu.semantics.alu")
    assert source_key("hw.cpu.semantics.alu") != source_key("hw.cpu.semantics.sse")


def test_a_changed_source_changes_the_key(monkeypatch) -> None:
    before = source_key("hw.cpu.semantics.alu")
    real = imports_of

    def changed(name: str) -> tuple[bytes, frozenset[str]]:
        source, names = real(name)
        return (source + b"#" if name == "hw.cpu.flags" else source), names

    monkeypatch.setattr(handler_compiler, "imports_of", changed)
    assert source_key("hw.cpu.semantics.alu") != before
