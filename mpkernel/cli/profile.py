"""``mpkernel profile``: where the cores and the device process spend their time.

State: none. Context: the launcher.
"""

import shlex
from pathlib import Path
from typing import Any

import click

from mpkernel.boot.parameters import BootParameters
from mpkernel.cli.machine import MachineOptions, run_machine
from mpkernel.cli.options import machine_options
from mpkernel.cli.run import run_program


@click.command(
    context_settings={"allow_interspersed_args": False},
    short_help="Show where the cores spend their time, as a flame graph.",
    epilog="""\b
Examples:
  mpkernel profile -- primes 3000               a program of the machine's /bin
  mpkernel profile --cpus 2 -o out -- ./a.out   a program of this host
  mpkernel profile --duration 5 -- spin 4 60    at most five seconds of it

Writes profile.svg (a flame graph; a click on a box shows it alone) and profile.speedscope.json
(for speedscope.app). Needs py-spy (pip install mpkernel[profile]), and the right to trace.
""",
)
@machine_options
@click.option("-o", "--output", "profile", type=click.Path(path_type=Path, dir_okay=False),
              default="profile", show_default=True, metavar="FILE",
              help="Write FILE.svg and FILE.speedscope.json.")  # fmt: skip
@click.option("--duration", "profile_s", type=click.FloatRange(min=0, min_open=True),
              metavar="SECONDS", help="End the machine after this time, status 0.")  # fmt: skip
@click.argument("program")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def profile(program: str, args: tuple[str, ...], **options: Any) -> int:
    """Run PROGRAM inside a machine and sample all its cores and the device process.

    PROGRAM is a file of this host if there is one of that name with a slash in it, else a program
    of the machine's own disk.
    """
    machine = MachineOptions(**options)
    if "/" in program and Path(program).exists():
        return run_program(machine, Path(program), args)
    command = shlex.join([program, *args])
    parameters = BootParameters(
        log_level=options["log_level"],
        lockdep=options["lockdep"],
        init_args=("-c", command),
    )
    return run_machine(machine, parameters)
