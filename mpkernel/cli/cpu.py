"""``mpkernel cpu``: the CPUs of a machine, compared.

State: none. Context: the launcher.
"""

from typing import Any

import click

from mpkernel.boot.parameters import BootParameters
from mpkernel.cli.machine import MachineOptions, run_machine
from mpkernel.cli.options import machine_options


@click.group(
    short_help="The CPUs of a machine, compared.",
    epilog="""\b
Examples:
  mpkernel cpu compare
  mpkernel cpu compare --cpus 16
""",
)
def cpu() -> None:
    """Look at the CPUs of a machine."""


@cpu.command(short_help="Compare control registers and memory types of all CPUs.")
@machine_options
def compare(**options: Any) -> int:
    """Boot a machine, and compare CR0, CR4, EFER, PAT and MTRRs of each CPU with those of CPU 0.

    A line for each value, with the CPUs that hold it. Status 0: all are alike. 1: some differ.
    """
    found: list[dict[str, int]] = []

    def collect() -> None:
        from mpkernel.arch.control_words import control_words  # noqa: PLC0415

        found.extend(control_words(number) for number in range(options["cpus"]))

    parameters = BootParameters(log_level=options["log_level"], init_args=("-c", "exit 0"))
    status = run_machine(MachineOptions(**options), parameters, at_end=collect)
    return status or _report(found)


def _report(found: list[dict[str, int]]) -> int:
    from mpkernel.arch.control_words import differences  # noqa: PLC0415

    wrong = differences(found)
    for name, value in found[0].items():
        others = {cpu for cpu, differing, _ in wrong if differing == name}
        alike = [cpu for cpu in range(len(found)) if cpu not in others]
        click.echo(f"{name:14} {value:#018x}  {_names(alike)}")
        for cpu_number in sorted(others):
            held = found[cpu_number][name]
            click.echo(f"{'':14} {held:#018x}  {_names([cpu_number])}, not as CPU 0")
    return 1 if wrong else 0


def _names(cpus: list[int]) -> str:
    return f"CPU {cpus[0]}" if len(cpus) == 1 else "CPUs " + ", ".join(map(str, cpus))
