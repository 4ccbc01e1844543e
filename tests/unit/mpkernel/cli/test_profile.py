"""What ``mpkernel profile`` runs; machines are in tests/system/test_profile_command.py."""

from pathlib import Path

import pytest

from mpkernel.cli import profile as command
from mpkernel.cli.main import run_command


@pytest.fixture
def ran(monkeypatch):
    seen = []
    monkeypatch.setattr(command, "run_machine", lambda *given: seen.append(given) or 5)
    monkeypatch.setattr(command, "run_program", lambda *given: seen.append(given) or 6)
    return seen


def test_a_program_of_the_machine(ran):
    assert run_command(["profile", "--duration", "2", "--", "sh", "-c", "a; b"]) == 5
    ((options, parameters),) = ran
    assert parameters.init_args == ("-c", "sh -c 'a; b'")
    assert options.profile == Path("profile")
    assert options.profile_s == 2


def test_a_program_of_the_host(ran, tmp_path):
    program = tmp_path / "a.out"
    program.touch()
    assert run_command(["profile", "-o", "x", str(program), "1"]) == 6
    ((options, path, args),) = ran
    assert (path, args) == (program, ("1",))
    assert options.profile == Path("x")


def test_no_program(ran, capsys):
    assert run_command(["profile"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
