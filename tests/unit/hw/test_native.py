"""Native code: compiled once for a source, loaded from disk afterwards, the same in a child."""

import ctypes
import itertools
import os
from pathlib import Path

import pytest

from hw import native

_NUMBER = itertools.count()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mpkernel"


def source(body: str) -> tuple[str, str]:
    """Name and IR of a function of two words; names are unique over a process."""
    name = f"test_native_{next(_NUMBER)}"
    return name, f"define i64 @{name}(i64 %a, i64 %b) {{\n  {body}\n  ret i64 %r\n}}"


def called(address: int, *arguments: int) -> int:
    words = [ctypes.c_uint64] * len(arguments)
    result: int = native.function(address, ctypes.c_uint64, *words)(*arguments)
    return result


def test_code_computes_what_its_source_says():
    name, ir = source("%r = mul i64 %a, %b")
    at = native.load(ir, [name], lambda: ir)[name]
    for a, b in ((3, 5), (2**63, 2), (2**64 - 1, 2**64 - 1)):
        assert called(at, a, b) == a * b % 2**64


def test_second_load_takes_the_object_from_disk(cache: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr(native, "_LISTENERS", [])
    native.when_compiling(lambda: told.append("compiling"))
    name, ir = source("%r = sub i64 %a, %b")
    made: list[str] = []

    def make() -> str:
        made.append(name)
        return ir

    for _ in range(2):
        assert called(native.load(ir, [name], make)[name], 9, 4) == 5
    assert (made, told) == ([name], ["compiling"])
    assert [one.suffix for one in cache.iterdir()] == [".o"]  # and nothing half written


@pytest.mark.parametrize("change", [{"opt": 0}, {"passes": 0}, {"key": "other"}])
def test_what_the_object_depends_on_is_in_its_name(cache: Path, change: dict[str, object]):
    name, ir = source("%r = xor i64 %a, %b")
    native.load(ir, [name], lambda: ir)
    arguments = {"key": ir, **change}
    at = native.load(names=[name], make_ir=lambda: ir, **arguments)[name]  # type: ignore[arg-type]
    assert called(at, 12, 10) == 6
    assert len(list(cache.iterdir())) == 2


def test_another_host_does_not_take_our_objects(cache: Path, monkeypatch: pytest.MonkeyPatch):
    name, ir = source("%r = or i64 %a, %b")
    native.load(ir, [name], lambda: ir)
    monkeypatch.setattr(native, "host_key", lambda: "a host with other features")
    native.load(ir, [name], lambda: ir)
    assert len(list(cache.iterdir())) == 2


def test_bad_source_is_an_error_and_leaves_nothing(cache: Path):
    with pytest.raises(RuntimeError):
        native.load("bad", ["bad"], lambda: "define i64 @bad() { ret i32 0 }")
    assert not list(cache.iterdir())


def test_function_is_callable_in_a_child():
    name, ir = source("%r = add i64 %a, %b")
    at = native.load(ir, [name], lambda: ir)[name]
    pid = os.fork()
    if pid == 0:
        os._exit(called(at, 40, 2))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
