"""``mpkernel lockdep``: the lock validator's own test, and the graph of a kernel's locks.

State: none. Context: the launcher.
"""

from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from mpkernel.boot.parameters import BootParameters
from mpkernel.cli.machine import MachineOptions, run_machine
from mpkernel.cli.options import machine_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mpkernel.arch.cpu import Cpu

#: What the machine does whose graph is drawn: files, pipes, processes, signals.
_COMMANDS = "ls -l /bin | wc; ps; cat /proc/meminfo; mkdir /tmp/a; echo x > /tmp/a/b; rm /tmp/a/b"


@click.group(
    short_help="The lock validator: its own test, the graph of all locks.",
    epilog="""\b
Examples:
  mpkernel lockdep selftest
  mpkernel lockdep graph -o locks.svg
  mpkernel lockdep graph --cmdline 'primes 100; ps' --dot -o locks.dot
  mpkernel boot --findings found.json; mpkernel lockdep show found.json
""",
)
def lockdep() -> None:
    """Use the validator that watches every lock of the kernel."""


@lockdep.command(short_help="Run what Linux's validator is tested with.")
@click.option("--verbose", is_flag=True, help="Name each scenario.")
def selftest(*, verbose: bool) -> int:
    """Run every scenario with real locks; print by group how many verdicts are right.

    Status 0: all are. 1: some are wrong.
    """
    from mpkernel.tools.lockdep.selftest import verdicts  # noqa: PLC0415

    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for scenario, is_right in verdicts(board):
        total[scenario.group] += 1
        passed[scenario.group] += is_right
        if verbose or not is_right:
            click.echo(f"{scenario.number:4} {scenario.case}: {'right' if is_right else 'WRONG'}")
    for group, count in total.items():
        click.echo(f"{group:28} {passed[group]:4}/{count}")
    click.echo(f"{'all':28} {passed.total():4}/{total.total()}")
    return 0 if passed == total else 1


@lockdep.command(short_help="Show findings that a machine wrote.")
@click.argument("findings", type=click.File())
@click.option("--dot", is_flag=True, help="Their chains, for Graphviz.")
def show(findings: TextIO, *, dot: bool) -> None:
    """Show FINDINGS, a file that --findings of boot or run wrote: what would happen, and where."""
    from mpkernel.sync.lockdep.report import Report  # noqa: PLC0415

    for number, line in enumerate(findings, 1):
        try:
            report = Report.from_json(line)
        except (ValueError, KeyError, TypeError):
            raise click.UsageError(f"{findings.name}:{number} is no finding") from None
        click.echo(report.graphviz() if dot else report.text())


@contextmanager
def board() -> "Iterator[Cpu]":
    """Give one CPU of a powered board in this process; the board is gone at the end."""
    from hw import board as hardware  # noqa: PLC0415
    from hw import ram  # noqa: PLC0415
    from hw.irq.local_apic import LOCAL_APICS  # noqa: PLC0415
    from hw.machine_config import MachineConfig  # noqa: PLC0415
    from mpkernel.arch.cpu import Cpu, use_cpu  # noqa: PLC0415

    config = MachineConfig(cpus=1, ram_bytes=32 << 20)
    files = ram.create(config.ram_bytes)
    try:
        hardware.power_on(config, ())
        this = Cpu(0, None, LOCAL_APICS[0])
        use_cpu(this)
        yield this
    finally:
        use_cpu(Cpu(0))
        ram.close(files)


@lockdep.command(short_help="Draw the graph of a kernel's locks.")
@machine_options
@click.option(
    "--cmdline", metavar="TEXT", default=_COMMANDS, help="Shell commands that the machine runs."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    default="locks.svg", show_default=True, help="The picture.",
)  # fmt: skip
@click.option("--dot", is_flag=True, help="For Graphviz instead of SVG.")
def graph(cmdline: str, output: Path, *, dot: bool, **options: Any) -> int:
    """Boot a machine, run commands, draw which locks were taken over which.

    Red edges belong to a circle. The machine's end gives the status.
    """

    def draw() -> None:
        from mpkernel.tools.lockdep import picture  # noqa: PLC0415

        found = picture.take()
        output.write_text(found.graphviz() if dot else found.svg())

    parameters = BootParameters(log_level=options["log_level"], init_args=("-c", cmdline))
    return run_machine(MachineOptions(**options), parameters, at_end=draw)
