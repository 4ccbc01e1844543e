"""The user programs' build: what makes it start again, what it needs, what comes out."""

import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from iced_x86 import Decoder, InstructionInfoFactory, OpAccess, RegisterExt

from guests import build
from guests.build import BuildError


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the library and one program, with its own cache."""
    source = tmp_path / "user"
    shutil.copytree(build.SOURCE / "lib", source / "lib")
    shutil.copy(build.SOURCE / "hello.c", source)
    monkeypatch.setattr(build, "SOURCE", source)
    monkeypatch.setattr(build, "PACKAGED", source / "bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return source


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return str(path)


def test_an_edit_is_built_again_and_nothing_else_is(sources: Path) -> None:
    said: list[str] = []
    first = build.programs(said.append)
    assert build.programs(said.append) == first
    assert len(said) == 1
    hello = sources / "hello.c"
    hello.write_text(hello.read_text().replace("Hello", "Hullo"))
    second = build.programs(said.append)
    assert second != first
    assert subprocess.check_output([second / "hello"]) == b"Hullo, world!\n"
    assert len(said) == 2


def test_packaged_programs_are_used_while_they_fit_the_sources(sources: Path) -> None:
    build.build(build.PACKAGED)
    assert build.programs() == sources / "bin"
    (sources / "hello.c").write_text((sources / "hello.c").read_text() + "\n")
    assert build.programs() != sources / "bin"


def test_a_failed_compilation_is_one_line_and_leaves_nothing(sources: Path, tmp_path: Path) -> None:
    (sources / "wrong.c").write_text("int main(void) { return nothing; }\n")
    with pytest.raises(BuildError) as caught:
        build.programs()
    assert "wrong.c" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache" / "mpkernel").iterdir()) == []


def test_compilers_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = _script(tmp_path / "mycc", "print('x86_64-linux')")
    monkeypatch.setenv("CC", f"{ours} -x")
    assert build.native_compiler() == [ours, "-x"]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "absent")
    assert build.native_compiler() is None
    _script(tmp_path / "gcc", "print('aarch64-linux-gnu')")
    _script(tmp_path / "clang", "print('x86_64-pc-linux-gnu')")
    assert build.native_compiler() == ["clang"]


def test_without_any_compiler_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    with pytest.raises(BuildError, match="pip install ziglang"):
        build.find_compiler()


@pytest.mark.skipif(util.find_spec("ziglang") is None, reason="the ziglang wheel is not installed")
def test_the_ziglang_wheel_compiles_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "find_compiler", build.zig_compiler)
    build.build(tmp_path / "bin")
    assert sorted(os.listdir(tmp_path / "bin")) == ["SOURCE_HASH", *build.program_names()]
    script = "echo $(primes 12 | cat); crash ud; echo $?"
    done = subprocess.run(
        [tmp_path / "bin" / "sh", "-c", script],
        env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("2 3 5 7 11\n132\n", "Illegal instruction\n")


def test_all_programs_of_the_root_image_are_there(programs: Path) -> None:
    wanted = """init sh ls cat echo ps kill uptime free cpuinfo hello primes spin forktest pingpong
    true false poweroff args crash mapfile threads sleep taskset"""
    assert set(wanted.split()) <= set(build.program_names())
    assert all(os.access(programs / name, os.X_OK) for name in build.program_names())


@pytest.mark.parametrize("name", build.program_names())
def test_a_program_is_static_and_keeps_to_general_registers(programs: Path, name: str) -> None:
    with (programs / name).open("rb") as file:
        elf = ELFFile(file)
        assert elf["e_machine"] == "EM_X86_64"
        assert elf["e_type"] == "ET_EXEC"
        kinds = {segment["p_type"] for segment in elf.iter_segments()}
        assert not kinds & {"PT_INTERP", "PT_DYNAMIC", "PT_TLS"}
        flags = [s["p_flags"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
        assert all(flag & 3 != 3 for flag in flags), "writable and executable"
        text = elf.get_section_by_name(".text")
        code, address = text.data(), text["sh_addr"]
    information = InstructionInfoFactory()
    for instruction in Decoder(64, code, ip=address):
        for used in information.info(instruction).used_registers():
            assert used.access == OpAccess.NONE or not (
                RegisterExt.is_vector_register(used.register)
                or RegisterExt.is_mm(used.register)
                or RegisterExt.is_st(used.register)
            ), f"{instruction} at {instruction.ip:#x}"
