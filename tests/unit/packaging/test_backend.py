"""The build backend asks for a compiler exactly where there is none."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The backend's module, with what setuptools itself asks for left out."""
    build_meta = pytest.importorskip("setuptools.build_meta")
    for name in ("get_requires_for_build_wheel", "get_requires_for_build_editable"):
        monkeypatch.setattr(build_meta, name, lambda _settings: ["its own"])
    spec = importlib.util.spec_from_file_location("backend", ROOT / "packaging" / "backend.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "hook", ["get_requires_for_build_wheel", "get_requires_for_build_editable"]
)
def test_a_compiler_is_asked_for_only_where_there_is_none(
    backend: ModuleType, hook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert getattr(backend, hook)() == ["its own", "ziglang>=0.13"]
    (tmp_path / "cc").write_text("#!/bin/sh\necho x86_64-linux-gnu\n")
    (tmp_path / "cc").chmod(0o755)
    assert getattr(backend, hook)() == ["its own"]
