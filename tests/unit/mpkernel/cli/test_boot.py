"""``mpkernel boot`` turns its options into a machine's parameters."""

import pytest

from mpkernel.boot.parameters import BootParameters
from mpkernel.cli import boot
from mpkernel.cli.machine import MachineOptions
from mpkernel.cli.main import run_command


@pytest.fixture
def asked(monkeypatch) -> dict[str, object]:
    """What the machine was asked for, instead of a machine."""
    seen: dict[str, object] = {}

    def machine(options: MachineOptions, parameters: BootParameters, **_more: object) -> int:
        seen.update(options=options, parameters=parameters)
        return 7

    monkeypatch.setattr(boot, "run_machine", machine)
    return seen


def test_the_defaults(asked: dict):
    assert run_command(["boot"]) == 7
    assert asked["parameters"] == BootParameters()
    assert (asked["options"].cpus, asked["options"].ram_bytes) == (4, 256 << 20)
    assert asked["options"].root is None


@pytest.mark.feature("A2")
def test_the_command_line_is_a_batch_for_the_shell(asked: dict):
    run_command(["boot", "--cmdline", "ls /; exit 3"])
    assert asked["parameters"].init_args == ("-c", "ls /; exit 3")


def test_each_option_has_its_effect(asked: dict):
    run_command([
        "boot", "--cpus", "3", "--ram", "1G", "--disk", "a", "--disk", "b", "--root", "r",
        "--numa", "2", "--apic-ids", "0,4,9", "--timeout", "1.5", "--log", "debug",
        "--init", "/bin/sh", "--lockdep", "off",
    ])  # fmt: skip
    options = asked["options"]
    assert (options.cpus, options.ram_bytes, options.numa_nodes) == (3, 1 << 30, 2)
    assert [str(one) for one in (options.root, *options.disks)] == ["r", "a", "b"]
    assert options.apic_ids == (0, 4, 9)
    assert options.timeout_s == 1.5
    assert asked["parameters"].log_level == "debug"
    assert asked["parameters"].lockdep == "off"
    assert asked["parameters"].init == "/bin/sh"


def test_the_race_checker_needs_a_schedule(asked: dict, capsys):
    assert run_command(["boot", "--racecheck"]) == 2
    assert "--racecheck needs --schedule-seed" in capsys.readouterr().err
