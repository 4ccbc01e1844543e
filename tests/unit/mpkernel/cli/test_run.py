"""``mpkernel run`` hands the machine the program, its files, its arguments and three streams."""

from pathlib import Path

import pytest

from guests import build
from mpkernel.boot.parameters import BootParameters
from mpkernel.cli import run
from mpkernel.cli.main import run_command


@pytest.fixture
def asked(monkeypatch) -> dict[str, object]:
    """What the machine was asked for, instead of a machine."""
    seen: dict[str, object] = {}

    def machine(options: object, parameters: BootParameters, **others: object) -> int:
        seen.update(options=options, parameters=parameters, **others)
        return 42

    monkeypatch.setattr(run, "run_machine", machine)
    return seen


def test_program_files_and_arguments(asked: dict, tmp_path: Path):
    note = tmp_path / "note"
    note.write_text("hello")
    note.chmod(0o640)
    program = build.programs() / "args"
    status = run_command([
        "run", "--cpus", "2", "--file", f"{note}:/tmp/sub/note", "--env", "A=b=c", str(program),
        "--cpus", "-x", "",
    ])  # fmt: skip
    assert status == 42
    assert asked["options"].cpus == 2
    parameters = asked["parameters"]
    assert parameters.init == "/run/args"
    assert parameters.init_args == ("--cpus", "-x", "")
    assert parameters.env == {"PATH": "/bin", "HOME": "/root", "A": "b=c"}
    assert parameters.stdio == "ports"
    assert [(m.name, m.data) for m in asked["modules"]] == [
        ("file:/run/args:755", program.read_bytes()),
        ("file:/tmp/sub/note:640", b"hello"),
    ]
    assert [(p.name, p.input_fd, p.output_fd, p.is_console) for p in asked["ports"]] == [
        ("stdin", 0, -1, False),
        ("stdout", -1, 1, False),
        ("stderr", -1, 2, False),
    ]


def test_a_missing_file_is_refused_before_a_machine_is_made(asked: dict, capfd):
    program = str(build.programs() / "true")
    assert run_command(["run", "--file", "no-such-file:/tmp/x", program]) == 2
    assert "no-such-file" in capfd.readouterr().err
    assert not asked
